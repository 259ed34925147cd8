# Repositories of organizations; says what ../github.cedar says.
package authz

# Permissions of which each suffices.
enough := {
	"Action::read": ["readers", "triagers", "writers", "maintainers", "admins"],
	"Action::triage": ["triagers", "writers", "maintainers", "admins"],
	"Action::write": ["writers", "maintainers", "admins"],
	"Action::maintain": ["maintainers", "admins"],
	"Action::admin": ["admins"],
}

repo := data.attributes[input.resource]

groups := data.ancestors[input.principal]

allow if {
	some permission in enough[input.action]
	groups[repo[permission]]
}

# An organization has readers, writers and admins.
allow if {
	some permission in enough[input.action]
	groups[data.attributes[repo.owner][permission]]
}
