# Grants, as data.
package authz

allow if {
	input.action == "Action::connect"
	data.grants[input.principal][input.resource]
}
