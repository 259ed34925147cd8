// Casbin (github.com/casbin/casbin) in a scenario of ../scenarios.py. NAME.conf beside this file is
// the scenario's model; what it asks of entities' attributes is answered by the functions here.
package main

import (
	"github.com/casbin/casbin/v3"
	"github.com/casbin/casbin/v3/model"
	defaultrolemanager "github.com/casbin/casbin/v3/rbac/default-role-manager"

	"writ/bench/measure"
)

// The default, 10, is less than how deep teams and folders stand in one another.
const maxDepth = 1000

func main() { measure.Main("casbin", load) }

func load(policies, _ string, h *measure.Hierarchy) (measure.Decide, error) {
	entities, err := h.Parsed()
	if err != nil {
		return nil, err
	}
	m, err := model.NewModelFromString(policies)
	if err != nil {
		return nil, err
	}
	enforcer, err := casbin.NewEnforcer(m)
	if err != nil {
		return nil, err
	}
	attributes := map[string]map[string]measure.Value{}
	var links, owned [][]string
	for _, each := range entities {
		name := each.UID.String()
		attributes[name] = each.Attrs
		for _, parent := range each.Parents {
			links = append(links, []string{name, parent.String()})
		}
		// A drive's owners: what they own is in a role of theirs.
		for _, owns := range []string{"ownedDocuments", "ownedFolders"} {
			for _, one := range each.Attrs[owns].Set {
				links = append(links, []string{one.Entity.String(), "owner::" + name})
				owned = append(owned, []string{one.Entity.String(), name})
			}
		}
	}
	for name, roles := range map[string][][]string{"g": links, "g2": owned} {
		if m["g"][name] == nil {
			continue
		}
		enforcer.SetNamedRoleManager(name, defaultrolemanager.NewRoleManager(maxDepth))
		if _, err := enforcer.AddNamedGroupingPolicies(name, roles); err != nil {
			return nil, err
		}
	}
	if len(h.Grants) > 0 {
		rows := make([][]string, len(h.Grants))
		for i, grant := range h.Grants {
			rows[i] = []string{"User::" + grant[0], "Action::connect", "Resource::" + grant[1]}
		}
		if _, err := enforcer.AddPolicies(rows); err != nil {
			return nil, err
		}
	}
	// attr(entity, name) is the entity in an attribute, is(entity, name) whether one is true,
	// attr2(entity, a, b) the entity in attribute b of the entity in a.
	attr := func(entity, name string) string {
		if found := attributes[entity][name].Entity; found != nil {
			return found.String()
		}
		return ""
	}
	enforcer.AddFunction("attr", func(args ...any) (any, error) {
		return attr(args[0].(string), args[1].(string)), nil
	})
	enforcer.AddFunction("attr2", func(args ...any) (any, error) {
		return attr(attr(args[0].(string), args[1].(string)), args[2].(string)), nil
	})
	enforcer.AddFunction("is", func(args ...any) (any, error) {
		return attributes[args[0].(string)][args[1].(string)].Plain == true, nil
	})
	return func(r *measure.Request) bool {
		allowed, err := enforcer.Enforce(r[0]+"::"+r[1], r[2]+"::"+r[3], r[4]+"::"+r[5])
		if err != nil {
			panic(err)
		}
		return allowed
	}, nil
}
