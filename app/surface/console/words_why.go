package console

// whyWords are the texts of the page that says why somebody may do something, and what would change it.
type whyWords struct {
	Title, Lead                                               string
	Person, PersonHint, Permission, Place, PlaceHint, Ask, At string

	Yes, No, YesOwn, NoOwn string // {person}, {permission}, {place}
	Reasons, Holds, Fails  string
	Account, Role          string
	Groups, Where          string

	Usable, Off, Pending, Idle, Expired                             string
	RoleDoes, RoleDoesNot, RoleOwn, RoleNotOwn                      string // {role}
	ByGroup                                                         string // {role}
	Needs                                                           string // {roles}
	Gives, Lacks                                                    string // {group}
	Withholds                                                       string // {above}, {group}
	NoGroup, GroupHidden, GroupHiddenGives                          string
	Own, Outside, Tree                                              string
	Blocked, Inactive, Home, Organization, Allowed                  string // {place}
	BlockedHidden, InactiveHidden, HomeHidden, OrgHidden, AllHidden string

	Allow, Deny, None, MoreThere string // Allow and Deny begin the changes that would
	Together, Beyond, More       string
	Carry, OwnPassword           string
	Others, Nobody               string // {people}
	ManyGroup, ManyPlace         string
	Curl, CurlLead, Copy         string
	Edits                        editWords
}

// editWords say an edit: {person}, {role}, {group}, {place}, {permission}.
type editWords struct {
	Activate, Approve, Password, Role, Join, Allow, Unblock, Give, Open string
	Deactivate, Leave, Disallow, Block, Take, Close                     string
}

var englishWhy = whyWords{
	Title:  "Why?",
	Lead:   "Ask why somebody may do something in a place, or why not, and what would change it.",
	Person: "Person", PersonHint: "Empty: yourself.", Permission: "May they",
	Place: "In", PlaceHint: "Empty: their own account.", Ask: "Ask", At: "The answer",
	Yes:     "Yes. {person} may {permission} in {place}.",
	No:      "No. {person} may not {permission} in {place}.",
	YesOwn:  "Yes. {person} may {permission}, on the own account.",
	NoOwn:   "No. {person} may not {permission}, on the own account.",
	Reasons: "The four things it takes", Holds: "Yes", Fails: "No", Account: "Account", Role: "Role",
	Groups: "Groups", Where: "Place",
	Usable: "The account can be used.", Off: "The account is switched off.",
	Pending:     "The account has not been opened yet: it waits for approval, or for its owner.",
	Idle:        "The account is closed, because it was not used for too long.",
	Expired:     "The password must be changed first.",
	RoleDoes:    "The role {role} permits it everywhere they reach.",
	RoleDoesNot: "The role {role} does not permit it.",
	RoleOwn:     "The role {role} permits it on the own account.",
	RoleNotOwn:  "The role {role} does not permit it on the own account.",
	ByGroup:     "They have the role {role} from a group.", Needs: "It takes one of these roles: {roles}.",
	Gives: "{group} gives it.", Lacks: "{group} does not give it.", Withholds: "{above} withholds it from {group}.",
	NoGroup: "They are in no group that gives it.", GroupHidden: "A group that you do not see does not give it.",
	GroupHiddenGives: "A group that you do not see gives it.",
	Own:              "It is about their own account.", Outside: "The place is not among those that they reach.",
	Tree: "They reach the whole tree.", Blocked: "They are blocked from {place}.", Inactive: "{place} is switched off.",
	Home: "They are at home in {place}.", Organization: "They are an admin of {place}.",
	Allowed:        "They are allowed {place}.",
	BlockedHidden:  "They are blocked from a place above it that you do not see.",
	InactiveHidden: "A place above it that you do not see is switched off.",
	HomeHidden:     "They are at home in a place above it that you do not see.",
	OrgHidden:      "They are an admin of the organization, whose place you do not see.",
	AllHidden:      "They are allowed a place above it that you do not see.",
	Allow:          "What would allow it", Deny: "What would take it away",
	None:      "Nothing that you could be told of would change it.",
	MoreThere: "There are other changes that are as small.",
	Together:  "All of this together:", Beyond: "And something besides that you do not see.",
	More: "Other ways", Carry: "Do it",
	OwnPassword: "Change your password", Others: "Who can do it: {people}.",
	Nobody:    "You may not do this, and nobody whom you see may.",
	ManyGroup: "This concerns everybody in the group.", ManyPlace: "This concerns everybody who works there.",
	Curl: "The same as JSON", CurlLead: "This request has the same answer, for programs.", Copy: "Copy",
	Edits: editWords{
		Activate: "Switch the account of {person} on.", Approve: "Approve the account of {person}.",
		Password: "{person} chooses another password.", Role: "Give {person} the role {role}.",
		Join: "Put {person} into the group {group}.", Allow: "Let {person} into {place} and all below it.",
		Unblock: "Take the block from {place} away from {person}.", Give: "Have the group {group} give it.",
		Open: "Switch {place} on.", Deactivate: "Switch the account of {person} off.",
		Leave: "Take {person} out of the group {group}.", Disallow: "Take {place} out of what {person} is allowed.",
		Block: "Block {person} from {place} and all below it.", Take: "Have the group {group} not give it any more.",
		Close: "Switch {place} off.",
	},
}

var frenchWhy = whyWords{
	Title: "Pourquoi ?",
	Lead: "Demandez pourquoi quelqu’un peut faire quelque chose dans un lieu, ou pourquoi pas, et ce qui y changerait " +
		"quelque chose.",
	Person: "Personne", PersonHint: "Vide : vous-même.", Permission: "Peut-elle",
	Place: "Dans", PlaceHint: "Vide : son propre compte.", Ask: "Demander",
	At:      "La réponse",
	Yes:     "Oui. {person} peut {permission} dans {place}.",
	No:      "Non. {person} ne peut pas {permission} dans {place}.",
	YesOwn:  "Oui. {person} peut {permission}, pour son propre compte.",
	NoOwn:   "Non. {person} ne peut pas {permission}, pour son propre compte.",
	Reasons: "Les quatre choses qu’il faut", Holds: "Oui", Fails: "Non", Account: "Compte", Role: "Rôle",
	Groups: "Groupes", Where: "Lieu",
	Usable: "Le compte est utilisable.", Off: "Le compte est désactivé.",
	Pending:     "Le compte n’est pas encore ouvert : il attend d’être accepté, ou attend son titulaire.",
	Idle:        "Le compte est fermé, car il n’a pas servi pendant trop longtemps.",
	Expired:     "Le mot de passe doit d’abord être changé.",
	RoleDoes:    "Le rôle {role} le permet partout où cette personne va.",
	RoleDoesNot: "Le rôle {role} ne le permet pas.",
	RoleOwn:     "Le rôle {role} le permet pour son propre compte.",
	RoleNotOwn:  "Le rôle {role} ne le permet pas pour son propre compte.",
	ByGroup:     "Le rôle {role} lui vient d’un groupe.", Needs: "Il faut l’un de ces rôles : {roles}.",
	Gives: "{group} le donne.", Lacks: "{group} ne le donne pas.", Withholds: "{above} le retient à {group}.",
	NoGroup: "Aucun de ses groupes ne le donne.", GroupHidden: "Un groupe que vous ne voyez pas ne le donne pas.",
	GroupHiddenGives: "Un groupe que vous ne voyez pas le donne.",
	Own:              "Il s’agit de son propre compte.", Outside: "Le lieu n’est pas de ceux où cette personne va.",
	Tree: "Cette personne va dans l’arbre entier.", Blocked: "L’accès à {place} lui est bloqué.",
	Inactive: "{place} est désactivé.", Home: "Son lieu est {place}.",
	Organization: "Cette personne administre {place}.", Allowed: "L’accès à {place} lui est ouvert.",
	BlockedHidden:  "L’accès lui est bloqué plus haut, dans un lieu que vous ne voyez pas.",
	InactiveHidden: "Plus haut, un lieu que vous ne voyez pas est désactivé.",
	HomeHidden:     "Son lieu se trouve plus haut, et vous ne le voyez pas.",
	OrgHidden:      "Cette personne administre l’organisation, dont vous ne voyez pas le lieu.",
	AllHidden:      "L’accès lui est ouvert plus haut, dans un lieu que vous ne voyez pas.",
	Allow:          "Ce qui le permettrait", Deny: "Ce qui le retirerait",
	None:      "Rien de ce que l’on peut vous dire n’y changerait quelque chose.",
	MoreThere: "Il existe d’autres changements aussi petits.",
	Together:  "Tout ceci à la fois :", Beyond: "Et autre chose encore, que vous ne voyez pas.",
	More: "D’autres moyens", Carry: "Le faire",
	OwnPassword: "Changer votre mot de passe", Others: "Qui peut le faire : {people}.",
	Nobody:    "Vous ne pouvez pas le faire, et personne que vous voyez ne le peut.",
	ManyGroup: "Cela concerne toutes les personnes du groupe.",
	ManyPlace: "Cela concerne toutes les personnes qui y travaillent.",
	Curl:      "La même chose en JSON", CurlLead: "Cette requête a la même réponse, pour les programmes.", Copy: "Copier",
	Edits: editWords{
		Activate: "Activer le compte de {person}.", Approve: "Accepter le compte de {person}.",
		Password: "{person} choisit un autre mot de passe.", Role: "Donner à {person} le rôle {role}.",
		Join:    "Mettre {person} dans le groupe {group}.",
		Allow:   "Ouvrir à {person} l’accès à {place} et à tout ce qui est dessous.",
		Unblock: "Ne plus bloquer à {person} l’accès à {place}.", Give: "Faire que le groupe {group} le donne.",
		Open: "Activer {place}.", Deactivate: "Désactiver le compte de {person}.",
		Leave: "Retirer {person} du groupe {group}.", Disallow: "Ne plus ouvrir à {person} l’accès à {place}.",
		Block: "Bloquer à {person} l’accès à {place} et à tout ce qui est dessous.",
		Take:  "Faire que le groupe {group} ne le donne plus.", Close: "Désactiver {place}.",
	},
}
