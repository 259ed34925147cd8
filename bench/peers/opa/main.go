// Open Policy Agent (github.com/open-policy-agent/opa) in a scenario of ../scenarios.py: a query
// prepared once for each hierarchy, whose entities are data in the store.
package main

import (
	"context"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"writ/bench/measure"
)

func main() { measure.Main("opa", load) }

func load(policies, scenario string, h *measure.Hierarchy) (measure.Decide, error) {
	data, err := dataOf(h)
	if err != nil {
		return nil, err
	}
	// Values as evaluation wants them, converted when they are stored and not whenever they are read.
	store := inmem.NewFromObjectWithOpts(data, inmem.OptRoundTripOnWrite(false),
		inmem.OptReturnASTValuesOnRead(true))
	ctx := context.Background()
	query, err := rego.New(rego.Query("data.authz.allow"), rego.Module(scenario+".rego", policies),
		rego.Store(store)).PrepareForEval(ctx)
	if err != nil {
		return nil, err
	}
	principal, action, resource := ast.StringTerm("principal"), ast.StringTerm("action"),
		ast.StringTerm("resource")
	return func(r *measure.Request) bool {
		input := ast.NewObject([2]*ast.Term{principal, ast.StringTerm(r[0] + "::" + r[1])},
			[2]*ast.Term{action, ast.StringTerm(r[2] + "::" + r[3])},
			[2]*ast.Term{resource, ast.StringTerm(r[4] + "::" + r[5])})
		results, err := query.Eval(ctx, rego.EvalParsedInput(input), rego.EvalCopyMaps(false))
		if err != nil {
			panic(err)
		}
		return results.Allowed()
	}, nil
}

// What the policies read: ancestors (entity → all that it is in → true), attributes (entity → name
// → value; an entity is its name, a set of entities an object of them) and grants (principal →
// resource → true). Objects, since a lookup in one does not depend on its size.
func dataOf(h *measure.Hierarchy) (map[string]any, error) {
	entities, err := h.Parsed()
	if err != nil {
		return nil, err
	}
	ancestors, attributes := map[string]any{}, map[string]any{}
	if len(h.Grants) == 0 { // grants are of entities that are in nothing
		for uid, above := range measure.Ancestors(entities) {
			all := make(map[string]any, len(above))
			for each := range above {
				all[each.String()] = true
			}
			ancestors[uid.String()] = all
		}
		for _, each := range entities {
			values := make(map[string]any, len(each.Attrs))
			for name, value := range each.Attrs {
				values[name] = plain(value)
			}
			attributes[each.UID.String()] = values
		}
	}
	grants := map[string]any{}
	for _, grant := range h.Grants {
		principal := "User::" + grant[0]
		if grants[principal] == nil {
			grants[principal] = map[string]any{}
		}
		grants[principal].(map[string]any)["Resource::"+grant[1]] = true
	}
	return map[string]any{"ancestors": ancestors, "attributes": attributes, "grants": grants}, nil
}

func plain(value measure.Value) any {
	switch {
	case value.Entity != nil:
		return value.Entity.String()
	case value.Set != nil:
		of := map[string]any{}
		for _, each := range value.Set {
			if each.Entity != nil {
				of[each.Entity.String()] = true
			}
		}
		return of
	default:
		return value.Plain
	}
}
