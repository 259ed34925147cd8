# Lists of tasks; says what ../tinytodo.cedar says.
package authz

list := data.attributes[input.resource]

groups := data.ancestors[input.principal]

allow if {
	input.action == "Action::CreateList"
	input.resource == "Application::TinyTodo"
}

allow if {
	input.action == "Action::GetLists"
	input.resource == "Application::TinyTodo"
}

allow if list.owner == input.principal

allow if {
	input.action == "Action::GetList"
	groups[list.readers]
}

allow if {
	input.action == "Action::GetList"
	groups[list.editors]
}

allow if {
	input.action == "Action::UpdateList"
	groups[list.editors]
}

allow if {
	input.action == "Action::CreateTask"
	groups[list.editors]
}

allow if {
	input.action == "Action::UpdateTask"
	groups[list.editors]
}

allow if {
	input.action == "Action::DeleteTask"
	groups[list.editors]
}
