package console

// groupWords are the texts of the pages of groups.
type groupWords struct {
	Title, Roles, Tree  string
	Lead, Of, Elsewhere string // Of: {place}

	Group, Gives, Above, People                  string
	Everything, EverythingBut, Nothing, NoEffect string // EverythingBut: {list}
	Withholds                                    string // {group}, {list}
	Missing                                      plural // settings of the mask that no permission here is
	MoreThan                                     string // {n}
	Shared, Role, RoleHint, RoleNone             string
	Create, CreateBelow, Delete, Find            string

	Facts, Name, NameHint, Description, Parent, ParentHint, Made, Below, Members, NoMembers, AllMembers string
	Permissions, Here, WithheldBy, Effect, Granted, Kept, NotYours                                      string
	Save, SaveHint, Preview, Carry, Present, Stale, Fixed                                               string

	NewTitle, NewLead, NewPlace, NewPlaceHint                      string
	DeleteTitle, DeleteLead, DeleteUsed, DeleteFixed, DeleteButton string // {group}
	UsedBy, UsedBelow                                              plural
	Person, Login, UserRole                                        string
}

var englishGroups = groupWords{
	Title: "Groups", Roles: "What the roles permit", Tree: "The groups",
	Lead: "A person may do what one of their groups gives and their role permits. A group never gives more than the one " +
		"above it.",
	Of: "Groups that people in {place} can be in", Elsewhere: "Another place",
	Group: "Group", Gives: "What it gives", Above: "Withheld from above", People: "People",
	Everything: "Everything", EverythingBut: "Everything except: {list}", Nothing: "Nothing",
	NoEffect:  "This group gives nothing.",
	Withholds: "{group} withholds: {list}",
	Missing: plural{"It also carries {n} setting of other products, which is kept.",
		"It also carries {n} settings of other products, which are kept."},
	MoreThan: "more than {n}",
	Shared:   "Everywhere", Role: "Its people act at least as",
	RoleHint: "This cannot be changed later: people are let in for what they get by it.",
	RoleNone: "What their own role says",
	Create:   "Create a group", CreateBelow: "Create one below it", Delete: "Delete", Find: "Show",
	Facts: "What it gives", Name: "Name", NameHint: "Not only digits, and without a slash.",
	Description: "Description", Parent: "Group above", ParentHint: "The group gives at most what this one gives.",
	Made: "Created", Below: "Groups below", Members: "People", NoMembers: "Nobody you see is in this group.",
	AllMembers: "All of them in the list of people", Permissions: "Permissions", Here: "Given here",
	WithheldBy: "Withheld by", Effect: "In effect", Granted: "Yes", Kept: "No",
	NotYours: "not yours to give", Save: "Save",
	SaveHint: "Where permissions or the group above change, you first see who gains and who loses what.",
	Preview:  "Change {group}", Carry: "Change the group", Present: "Show it as it is now",
	Stale: "Somebody else changed this group meanwhile. What you typed is still here. Look at the group as it is now, " +
		"then save again to put yours in its place.",
	Fixed:    "This group came with the server: its place among the groups stays, and it cannot be deleted.",
	NewTitle: "New group", NewLead: "It begins with nobody in it. Put people into it on their pages.",
	NewPlace: "Organization of the group", NewPlaceHint: "Whose people can be in it. Empty is your own.",
	DeleteTitle: "Delete {group}?",
	DeleteLead:  "The group goes, with its name and what it gives. This cannot be undone.",
	DeleteUsed:  "A group can be deleted only when it is empty. Take these out first:",
	DeleteFixed: "This group came with the server, and cannot be deleted.", DeleteButton: "Delete this group",
	UsedBy:    plural{"{n} person is in it", "{n} people are in it"},
	UsedBelow: plural{"{n} group lies below it", "{n} groups lie below it"},
	Person:    "Name", Login: "Login name", UserRole: "Role",
}

var frenchGroups = groupWords{
	Title: "Groupes", Roles: "Ce que les rôles permettent", Tree: "L’arbre des groupes",
	Lead: "Une personne peut ce que l’un de ses groupes donne et que son rôle permet. Un groupe ne donne jamais plus " +
		"que celui du dessus.",
	Of:        "Les groupes où peuvent être des personnes ({place})",
	Elsewhere: "Un autre lieu",
	Group:     "Groupe", Gives: "Ce qu’il donne", Above: "Retenu plus haut", People: "Personnes",
	Everything: "Tout", EverythingBut: "Tout sauf : {list}", Nothing: "Rien",
	NoEffect:  "Ce groupe ne donne rien.",
	Withholds: "{group} retient : {list}",
	Missing: plural{"Il porte aussi {n} réglage d’autres produits, qui est conservé.",
		"Il porte aussi {n} réglages d’autres produits, qui sont conservés."},
	MoreThan: "plus de {n}",
	Shared:   "Partout", Role: "Ses membres agissent au moins comme",
	RoleHint: "Cela ne peut plus être changé ensuite : les membres sont admis pour ce qu’ils y gagnent.",
	RoleNone: "Ce que dit leur propre rôle",
	Create:   "Créer un groupe", CreateBelow: "En créer un dessous", Delete: "Supprimer", Find: "Montrer",
	Facts: "Ce qu’il donne", Name: "Nom", NameHint: "Pas seulement des chiffres, et sans barre oblique.",
	Description: "Description", Parent: "Groupe du dessus",
	ParentHint: "Le groupe donne au plus ce que donne celui-ci.", Made: "Créé", Below: "Groupes du dessous",
	Members: "Personnes", NoMembers: "Aucune personne que vous voyez n’est dans ce groupe.",
	AllMembers:  "Tous, dans la liste des personnes",
	Permissions: "Permissions", Here: "Donné ici", WithheldBy: "Retenu par", Effect: "En vigueur",
	Granted: "Oui", Kept: "Non", NotYours: "vous ne pouvez pas la donner", Save: "Enregistrer",
	SaveHint: "Si des permissions ou le groupe du dessus changent, vous voyez d’abord qui gagne et qui perd quoi.",
	Preview:  "Modifier {group}", Carry: "Modifier le groupe", Present: "Le montrer tel qu’il est maintenant",
	Stale: "Quelqu’un d’autre a modifié ce groupe entre-temps. Ce que vous avez saisi est encore là. Regardez le " +
		"groupe tel qu’il est maintenant, puis enregistrez de nouveau pour mettre le vôtre à la place.",
	Fixed: "Ce groupe est venu avec le serveur : sa place parmi les groupes ne change pas, et il ne peut pas être " +
		"supprimé.",
	NewTitle: "Nouveau groupe",
	NewLead:  "Il commence sans personne. Mettez-y des personnes depuis leur page.",
	NewPlace: "Organisation du groupe", NewPlaceHint: "Dont les personnes peuvent y être. Vide, c’est la vôtre.",
	DeleteTitle:  "Supprimer {group} ?",
	DeleteLead:   "Le groupe disparaît, avec son nom et ce qu’il donne. On ne peut pas revenir en arrière.",
	DeleteUsed:   "Un groupe ne peut être supprimé que vide. Retirez d’abord :",
	DeleteFixed:  "Ce groupe est venu avec le serveur, et ne peut pas être supprimé.",
	DeleteButton: "Supprimer ce groupe",
	UsedBy:       plural{"{n} personne en est membre", "{n} personnes en sont membres"},
	UsedBelow:    plural{"{n} groupe se trouve dessous", "{n} groupes se trouvent dessous"},
	Person:       "Nom", Login: "Identifiant", UserRole: "Rôle",
}
