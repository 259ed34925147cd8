# Documents in folders; says what ../gdrive.cedar says.
package authz

owned := data.attributes[input.principal].ownedDocuments

folders := data.attributes[input.principal].ownedFolders

above := data.ancestors[input.resource]

allow if {
	input.action == "Action::read"
	above[data.attributes[input.principal].documentsAndFoldersWithViewAccess]
}

allow if {
	input.action == "Action::read"
	data.attributes[input.resource].isPublic
}

allow if {
	input.action == "Action::read"
	owner
}

allow if {
	input.action == "Action::write"
	owner
}

allow if {
	input.action == "Action::share"
	owner
}

allow if {
	input.action == "Action::changeOwner"
	owned[input.resource]
}

allow if {
	input.action == "Action::createDocument"
	folders[input.resource]
}

owner if {
	some document, _ in owned
	above[document]
}

owner if {
	some folder, _ in folders
	above[folder]
}
