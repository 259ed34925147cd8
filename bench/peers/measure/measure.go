// Package measure runs an engine written in Go through one scenario, as ../scenarios.py states:
// what is measured and how, what comes in and what goes out.
package measure

import (
	"bufio"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"os"
	"slices"
	"time"
)

// UID names an entity.
type UID struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

func (u UID) String() string { return u.Type + "::" + u.ID }

// Value is an attribute's: of these, one is there.
type Value struct {
	Entity *UID
	Set    []Value
	Plain  any // what is neither an entity nor a set
}

func (v *Value) UnmarshalJSON(text []byte) error {
	var entity struct {
		Entity *UID `json:"__entity"`
	}
	if json.Unmarshal(text, &entity) == nil && entity.Entity != nil {
		v.Entity = entity.Entity
		return nil
	}
	if text[0] == '[' {
		return json.Unmarshal(text, &v.Set)
	}
	return json.Unmarshal(text, &v.Plain)
}

// Entity has its attributes and its parents, which are direct.
type Entity struct {
	UID     UID              `json:"uid"`
	Attrs   map[string]Value `json:"attrs"`
	Parents []UID            `json:"parents"`
}

// Request is type and id of principal, action and resource.
type Request [6]string

// Hierarchy is one line of a scenario. Grants are pairs of a principal and a resource, by their ids.
type Hierarchy struct {
	Entities json.RawMessage `json:"entities"`
	Grants   [][2]string     `json:"grants"`
	Requests []Request       `json:"requests"`
}

// Parsed is the hierarchy's entities.
func (h *Hierarchy) Parsed() ([]Entity, error) {
	var entities []Entity
	return entities, json.Unmarshal(h.Entities, &entities)
}

// Ancestors are, for each entity, all that it is in, itself included.
func Ancestors(entities []Entity) map[UID]map[UID]bool {
	parents := make(map[UID][]UID, len(entities))
	for _, each := range entities {
		parents[each.UID] = each.Parents
	}
	all := make(map[UID]map[UID]bool, len(entities))
	for _, each := range entities {
		above := map[UID]bool{each.UID: true}
		for open := []UID{each.UID}; len(open) > 0; {
			next := open[len(open)-1]
			open = open[:len(open)-1]
			for _, parent := range parents[next] {
				if !above[parent] {
					above[parent] = true
					open = append(open, parent)
				}
			}
		}
		all[each.UID] = above
	}
	return all
}

// Decide answers one request from its strings.
type Decide func(*Request) bool

// Main measures: load makes an engine that holds a scenario's policies and a hierarchy's entities.
func Main(engine string, load func(policies, scenario string, h *Hierarchy) (Decide, error)) {
	if len(os.Args) != 4 {
		fmt.Fprintf(os.Stderr, "usage: %s POLICIES HIERARCHIES SCENARIO\n", os.Args[0])
		os.Exit(2)
	}
	if err := run(engine, os.Args[1], os.Args[2], os.Args[3], load); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %s\n", engine, err)
		os.Exit(1)
	}
}

func run(engine, policies, path, scenario string,
	load func(policies, scenario string, h *Hierarchy) (Decide, error)) error {
	text, err := os.ReadFile(policies)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	clock := clockCost()
	decisions := fnv.New64a()
	allows := 0
	var times []int64
	lines := bufio.NewReaderSize(file, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) == 0 {
			break // the end
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		var h Hierarchy
		if err := json.Unmarshal(line, &h); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		decide, err := load(string(text), scenario, &h)
		if err != nil {
			return err
		}
		for i := range h.Requests {
			answer := byte('0')
			if decide(&h.Requests[i]) {
				answer = '1'
				allows++
			}
			decisions.Write([]byte{answer})
		}
		for i := range h.Requests {
			from := time.Now()
			decide(&h.Requests[i])
			times = append(times, max(0, int64(time.Since(from))-clock))
		}
	}
	if len(times) == 0 {
		return fmt.Errorf("%s: no requests", path)
	}
	slices.Sort(times)
	fmt.Printf(`{"scenario":%q,"engine":%q,"median_ns":%d,"p99_ns":%d,"requests":%d,"allows":%d,`+
		`"decisions":"%016x"}`+"\n", scenario, engine, percentile(times, 50), percentile(times, 99),
		len(times), allows, decisions.Sum64())
	return nil
}

// The smallest of sorted values that `percent` of them do not exceed.
func percentile(sorted []int64, percent int) int64 {
	return sorted[max(1, (len(sorted)*percent+99)/100)-1]
}

// What reading the clock twice costs, with nothing between.
func clockCost() int64 {
	costs := make([]int64, 100_000)
	for i := range costs {
		from := time.Now()
		costs[i] = int64(time.Since(from))
	}
	slices.Sort(costs)
	return percentile(costs, 50)
}
