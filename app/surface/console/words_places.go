package console

// placesWords are the texts of the tree and of the pages of a place.
type placesWords struct {
	Tree, Find, Search, WholeTree, Found, NoneFound, MoreFound string
	Open, Close, AllBelow                                      string // {place}
	More, InTree, NothingBelow                                 string
	PeopleHere, PeopleAll                                      plural

	About, Place, Below, People, Admins, Reach, Settings string
	Organization, Off, OffHere, OffAbove                 string
	Name, Path, Code, Zone, Git, SendURL, Number         string
	NameHint, ZoneHint, SendURLHint                      string
	AtHome, AtHomeBelow, Login, LastSignIn               string
	NobodyHere, FirstPeople, AllPeople                   string
	AdminsLead, ReachLead, NobodyReaches                 string
	Permission, AnyPermission, Show, Why                 string
	ByHome, ByOrganization, ByTree, ByAllowed            string
	ByHomeIn, ByOrganizationIn, ByAllowedIn              string // {place}
	Now                                                  string
	New, Create, AsOrganization, AsOrganizationHint      string
	FirstAdmin, FirstAdminHint                           string
	Move, MoveLead, To, ToHint, Preview                  string
	AlongPlaces, AlongPeople, AlongIn, AlongOut          string
	AtLeast                                              string // {n}
	SwitchOff, SwitchOffLead, SwitchOn, SwitchOnLead     string
	Delete, DeleteLead, NotEmpty                         string
	MoveOf, SwitchOffOf, SwitchOnOf, DeleteOf            string // {place}
	NewBelow                                             string // {place}
}

var englishPlaces = placesWords{
	Tree: "Places", Find: "The beginning of its name", Search: "Find a place",
	WholeTree: "Back to the tree", Found: "Places found",
	NoneFound: "No place that you reach has a name that begins like this.",
	MoreFound: "These are the first. Write more of the name to find others.",
	Open:      "Open {place}", Close: "Close {place}", AllBelow: "All places in {place}",
	More: "More places", InTree: "Show in the tree", NothingBelow: "There are no places below it.",
	PeopleHere: plural{"{n} person", "{n} people"}, PeopleAll: plural{"{n} with those below",
		"{n} with those below"},
	About: "About this place", Place: "Place", Below: "Places below", People: "People", Admins: "Who " +
		"administers it",
	Reach: "Who reaches it", Settings: "Settings",
	Organization: "Organization", Off: "Switched off",
	OffHere: "This place is switched off, with everything below it. Only administrators of the whole tree can " +
		"use it.",
	OffAbove: "This place is closed, because a place above it is switched off:",
	Name:     "Name", Path: "Path", Code: "Code", Zone: "Time zone", Git: "Git repository",
	SendURL: "Send its address",
	Number:  "Number", NameHint: "No other place beside it may have the same name.",
	ZoneHint:    "Such as Europe/Paris.",
	SendURLHint: "For programs that ask for it. It changes nothing here.",
	AtHome:      "People here", AtHomeBelow: "Here and below", Login: "Login name", LastSignIn: "Last sign-in",
	NobodyHere:  "Nobody is at home in this place itself.",
	FirstPeople: "These are the first. The list of people has all of them.",
	AllPeople:   "All people here and below",
	AdminsLead:  "These people may change accounts in this place.",
	ReachLead: "These people reach this place, as far as you may see them. " +
		"Choose a permission to keep those who have it here.",
	NobodyReaches: "Nobody whom you may see.",
	Permission:    "Permission", AnyPermission: "Any", Show: "Show", Why: "By what",
	ByHome: "By where they are at home", ByOrganization: "By administering their organization",
	ByTree: "By administering the whole tree", ByAllowed: "By a place that they are allowed",
	ByHomeIn: "At home in {place}", ByOrganizationIn: "Administers {place}", ByAllowedIn: "Allowed in {place}",
	Now: "As it is now",
	New: "New place", Create: "Create", AsOrganization: "It is an organization",
	AsOrganizationHint: "An organization has people and groups of its own. This cannot be changed later.",
	FirstAdmin:         "First admin of the organization",
	FirstAdminHint: "Give their whole name and their mail address, by which they are invited. Leave all of it empty to " +
		"do that later. Without a login name it is the mail address.",
	Move: "Move", To: "New place above it", ToHint: "A name, a path or a number.", Preview: "Preview",
	MoveLead: "Everything moves along: the places below, the people who are at home in them, and what others " +
		"are allowed or " +
		"refused there. Who administers the new place above gets it, and who administered it by the old one loses " +
		"it.",
	AlongPlaces: "Places below it", AlongPeople: "People at home there",
	AlongIn:   "Places there that others are allowed or refused",
	AtLeast:   "at least {n}",
	AlongOut:  "Places elsewhere that its people are allowed or refused",
	SwitchOff: "Switch off", SwitchOn: "Switch on",
	SwitchOffLead: "This place and everything below it is closed to everybody but administrators of the whole " +
		"tree. " +
		"Nothing is deleted. You cannot switch it on again yourself unless you are one of them.",
	SwitchOnLead: "This place and everything below it is opened again to everybody who has access.",
	Delete:       "Delete", DeleteLead: "The place is deleted for good, and taken off the lists of everybody " +
		"who was allowed it or " +
		"refused it. This cannot be undone.",
	NotEmpty: "Move or delete first what is still in it.",
	MoveOf:   "Move {place}", SwitchOffOf: "Switch {place} off", SwitchOnOf: "Switch {place} on",
	DeleteOf: "Delete {place}",
	NewBelow: "New place in {place}",
}

var frenchPlaces = placesWords{
	Tree: "Lieux", Find: "Le début de son nom", Search: "Trouver un lieu",
	WholeTree: "Revenir à l’arborescence", Found: "Lieux trouvés",
	NoneFound: "Aucun lieu à votre portée n’a un nom qui commence ainsi.",
	MoreFound: "Ce sont les premiers. Écrivez une plus grande partie du nom pour en trouver d’autres.",
	Open:      "Ouvrir {place}", Close: "Fermer {place}", AllBelow: "Tous les lieux : {place}",
	More: "D’autres lieux", InTree: "Montrer dans l’arborescence", NothingBelow: "Il n’y a pas de lieu au-dessous.",
	PeopleHere: plural{"{n} personne", "{n} personnes"},
	PeopleAll:  plural{"{n} avec les lieux au-dessous", "{n} avec les lieux au-dessous"},
	About:      "À propos de ce lieu", Place: "Lieu", Below: "Lieux au-dessous", People: "Personnes",
	Admins: "Qui l’administre",
	Reach:  "Qui y a accès", Settings: "Réglages",
	Organization: "Organisation", Off: "Désactivé",
	OffHere: "Ce lieu est désactivé, avec tout ce qui est au-dessous. Seuls les administrateurs de toute " +
		"l’arborescence peuvent s’en servir.",
	OffAbove: "Ce lieu est fermé, parce qu’un lieu au-dessus est désactivé :",
	Name:     "Nom", Path: "Chemin", Code: "Code interne", Zone: "Fuseau horaire", Git: "Dépôt Git",
	SendURL: "Envoyer son adresse", Number: "Numéro",
	NameHint:    "Aucun autre lieu à côté de lui ne peut avoir le même nom.",
	ZoneHint:    "Par exemple Europe/Paris.",
	SendURLHint: "Pour les programmes qui le demandent. Cela ne change rien ici.",
	AtHome:      "Personnes ici", AtHomeBelow: "Ici et au-dessous", Login: "Identifiant",
	LastSignIn:  "Dernière connexion",
	NobodyHere:  "Personne n’est rattaché à ce lieu lui-même.",
	FirstPeople: "Ce sont les premières. La liste des personnes les a toutes.",
	AllPeople:   "Toutes les personnes ici et au-dessous",
	AdminsLead:  "Ces personnes peuvent modifier les comptes de ce lieu.",
	ReachLead: "Ces personnes ont accès à ce lieu, pour autant que vous puissiez les voir. " +
		"Choisissez une permission pour garder celles qui l’ont ici.",
	NobodyReaches: "Personne que vous puissiez voir.",
	Permission:    "Permission requise", AnyPermission: "N’importe laquelle", Show: "Afficher", Why: "Par quoi",
	ByHome: "Par son lieu de rattachement", ByOrganization: "Parce qu’elle administre son organisation",
	ByTree: "Parce qu’elle administre toute l’arborescence", ByAllowed: "Par un lieu qui lui est ouvert",
	ByHomeIn: "Lieu de rattachement : {place}", ByOrganizationIn: "Administre {place}",
	ByAllowedIn: "Accès donné à {place}",
	Now:         "Ce qui est enregistré à présent",
	New:         "Nouveau lieu", Create: "Créer", AsOrganization: "C’est une organisation",
	AsOrganizationHint: "Une organisation a ses propres personnes et groupes. Cela ne peut pas être changé " +
		"plus tard.",
	FirstAdmin: "Premier administrateur de l’organisation",
	FirstAdminHint: "Donnez son nom entier et son adresse électronique, à laquelle il est invité. Laissez tout vide " +
		"pour le faire plus tard. Sans identifiant, c’est l’adresse électronique.",
	Move: "Déplacer", To: "Nouveau lieu au-dessus", ToHint: "Un nom, un chemin ou un numéro.", Preview: "Prévisualiser",
	MoveLead: "Tout se déplace avec lui : les lieux au-dessous, les personnes qui y sont rattachées, et ce qui " +
		"y est ouvert " +
		"ou refusé à d’autres. Qui administre le nouveau lieu au-dessus l’obtient, et qui l’administrait par " +
		"l’ancien le perd.",
	AlongPlaces: "Lieux au-dessous", AlongPeople: "Personnes qui y sont rattachées",
	AlongIn:   "Lieux ouverts ou refusés là à d’autres",
	AtLeast:   "au moins {n}",
	AlongOut:  "Lieux ouverts ou refusés ailleurs à ses personnes",
	SwitchOff: "Désactiver", SwitchOn: "Réactiver",
	SwitchOffLead: "Ce lieu et tout ce qui est au-dessous est fermé à tous, sauf aux administrateurs de toute " +
		"l’arborescence. Rien n’est supprimé. Vous ne pourrez pas le réactiver vous-même, sauf si vous en êtes un.",
	SwitchOnLead: "Ce lieu et tout ce qui est au-dessous est rouvert à tous ceux qui y ont accès.",
	Delete:       "Supprimer", DeleteLead: "Le lieu est supprimé définitivement, et retiré des listes de tous " +
		"ceux à qui il était " +
		"ouvert ou refusé. Cela ne peut pas être annulé.",
	NotEmpty: "Déplacez ou supprimez d’abord ce qui s’y trouve encore.",
	MoveOf:   "Déplacer {place}", SwitchOffOf: "Désactiver {place}", SwitchOnOf: "Réactiver {place}",
	DeleteOf: "Supprimer {place}",
	NewBelow: "Nouveau lieu dans {place}",
}
