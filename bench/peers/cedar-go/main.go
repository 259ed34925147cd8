// Cedar in Go (github.com/cedar-policy/cedar-go) in a scenario of ../scenarios.py.
package main

import (
	"encoding/json"
	"fmt"

	"github.com/cedar-policy/cedar-go"

	"writ/bench/measure"
)

func main() { measure.Main("cedar-go", load) }

func load(policies, scenario string, h *measure.Hierarchy) (measure.Decide, error) {
	if len(h.Grants) > 0 {
		policies = "" // a template, which this Cedar does not have: each grant is a static policy
	}
	set, err := cedar.NewPolicySetFromBytes(scenario, []byte(policies))
	if err != nil {
		return nil, err
	}
	for i, grant := range h.Grants {
		var policy cedar.Policy
		text := fmt.Sprintf(`permit (principal == User::%q, action == Action::"connect", `+
			`resource == Resource::%q);`, grant[0], grant[1])
		if err := policy.UnmarshalCedar([]byte(text)); err != nil {
			return nil, err
		}
		set.Add(cedar.PolicyID(fmt.Sprintf("grant%d", i)), &policy)
	}
	var entities cedar.EntityMap
	if err := json.Unmarshal(h.Entities, &entities); err != nil {
		return nil, err
	}
	return func(r *measure.Request) bool {
		decision, _ := cedar.Authorize(set, entities, cedar.Request{
			Principal: cedar.NewEntityUID(cedar.EntityType(r[0]), cedar.String(r[1])),
			Action:    cedar.NewEntityUID(cedar.EntityType(r[2]), cedar.String(r[3])),
			Resource:  cedar.NewEntityUID(cedar.EntityType(r[4]), cedar.String(r[5])),
			Context:   cedar.NewRecord(nil),
		})
		return decision == cedar.Allow
	}, nil
}
