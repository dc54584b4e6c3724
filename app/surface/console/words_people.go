package console

// peopleWords are the texts of lists of people.
type peopleWords struct {
	Title                                                                  string
	TitleAt, TitleOnlyAt                                                   string // {place}
	Invite, New, Export, Filter, Search, More, Show, Chips, TakeAway, None string
	Name, Login, Place, Role, Group, Groups, State, LastIn, Any            string
	Extent, Below, Alone, Account, SignedIn, EverIn, NeverIn, Since        string
	Active, Inactive, Archived, Approved, Pending, Unverified, Invited     string
	BlockedHome, NotBlockedHome                                            string
	ChipPart                                                               string // {text}
	ChipGroup                                                              string // {group}
	ChipSince                                                              string // {day}
	Total, AtLeast, Bulk, BulkTitle, BulkDo                                plural
	Refused, RefusedMore                                                   plural
	RefusedWhy                                                             string
	BulkLead, Op, OpWith, OpGroup                                          string
	OpActivate, OpDeactivate, OpApprove, OpReject, OpRole, OpJoin          string
	OpLeave, OpLanguage, OpSessions, OpDelete                              string
	Curl, CurlHint, Copy                                                   string
}

var englishPeople = peopleWords{
	Title: "People", TitleAt: "People in {place}", TitleOnlyAt: "People in {place} itself",
	Invite: "Invite people", New: "Create an account", Export: "Export this list", Filter: "Filter the list",
	Search: "Search in names", More: "More filters", Show: "Show", Chips: "What the list is narrowed to",
	TakeAway: "(take this away)", None: "Nobody fits. Take a filter away, or look in another place.",
	Name: "Name", Login: "Login name", Place: "Place", Role: "Role", Group: "Group", Groups: "Groups", State: "State",
	LastIn: "Last sign-in", Any: "Any",
	Extent: "How far", Below: "Here and below", Alone: "Only here", Account: "Account",
	SignedIn: "Signed in", EverIn: "At least once", NeverIn: "Never", Since: "Not signed in since",
	Active: "Active", Inactive: "Switched off", Archived: "Archived", Approved: "Accepted", Pending: "Waits for approval",
	Unverified: "Address not confirmed", Invited: "Invited",
	BlockedHome: "Blocked from their own place", NotBlockedHome: "Not blocked from their own place",
	ChipPart: "Contains “{text}”", ChipGroup: "In the group {group}", ChipSince: "Not signed in since {day}",
	Total:       plural{"{n} person", "{n} people"},
	AtLeast:     plural{"At least {n} person", "At least {n} people"},
	Bulk:        plural{"Change this person", "Change these {n} people"},
	BulkTitle:   plural{"Change {n} person", "Change {n} people"},
	BulkDo:      plural{"Change {n} person", "Change all {n} people"},
	Refused:     plural{"{n} person cannot be changed, so nobody is", "{n} people cannot be changed, so nobody is"},
	RefusedMore: plural{"And {n} more person.", "And {n} more people."},
	RefusedWhy:  "Why not",
	BulkLead: "All of them are changed together, or nobody is. Your own account is left as it is. You see what would " +
		"happen before anything is done.",
	Op: "What to do", OpWith: "For a role, a group or a language", OpGroup: "Which group",
	OpActivate: "Switch their accounts on", OpDeactivate: "Switch their accounts off", OpApprove: "Let newcomers in",
	OpReject: "Turn newcomers away", OpRole: "Give a role", OpJoin: "Put into a group", OpLeave: "Take out of a group",
	OpLanguage: "Set the language", OpSessions: "Sign them out everywhere", OpDelete: "Delete their accounts",
	Curl: "The same list for programs",
	CurlHint: "This request answers with the same people as JSON. It asks for your " +
		"password.", Copy: "Copy as curl",
}

var frenchPeople = peopleWords{
	Title: "Personnes", TitleAt: "Personnes : {place}", TitleOnlyAt: "Personnes : {place}, sans ce qui est dessous",
	Invite: "Inviter des personnes", New: "Créer un compte", Export: "Exporter cette liste", Filter: "Filtrer la liste",
	Search: "Chercher dans les noms", More: "Plus de filtres", Show: "Afficher", Chips: "Ce à quoi la liste est limitée",
	TakeAway: "(retirer ce filtre)", None: "Personne ne correspond. Retirez un filtre ou regardez dans un autre lieu.",
	Name: "Nom", Login: "Identifiant", Place: "Lieu", Role: "Rôle", Group: "Groupe", Groups: "Groupes", State: "État",
	LastIn: "Dernière connexion", Any: "Peu importe",
	Extent: "Étendue", Below: "Ici et en dessous", Alone: "Ici seulement", Account: "Compte",
	SignedIn: "Connexion", EverIn: "Au moins une fois", NeverIn: "Jamais", Since: "Pas connecté depuis le",
	Active: "Actif", Inactive: "Désactivé", Archived: "Archivé", Approved: "Accepté", Pending: "À approuver",
	Unverified: "Adresse non confirmée", Invited: "Invité",
	BlockedHome: "Exclu de son propre lieu", NotBlockedHome: "Pas exclu de son propre lieu",
	ChipPart: "Contient « {text} »", ChipGroup: "Dans le groupe {group}", ChipSince: "Pas connecté depuis le {day}",
	Total:     plural{"{n} personne", "{n} personnes"},
	AtLeast:   plural{"Au moins {n} personne", "Au moins {n} personnes"},
	Bulk:      plural{"Changer cette personne", "Changer ces {n} personnes"},
	BulkTitle: plural{"Changer {n} personne", "Changer {n} personnes"},
	BulkDo:    plural{"Changer {n} personne", "Changer les {n} personnes"},
	Refused: plural{"{n} personne ne peut pas être changée : rien n’est donc fait",
		"{n} personnes ne peuvent pas être changées : rien n’est donc fait"},
	RefusedMore: plural{"Et {n} personne de plus.", "Et {n} personnes de plus."},
	RefusedWhy:  "Pourquoi",
	BulkLead: "Toutes sont changées ensemble, ou aucune. Votre propre compte reste comme il est. Vous voyez ce qui se " +
		"passerait avant que rien ne soit fait.",
	Op: "Que faire", OpWith: "Pour un rôle, un groupe ou une langue", OpGroup: "Quel groupe",
	OpActivate: "Activer leurs comptes", OpDeactivate: "Désactiver leurs comptes",
	OpApprove: "Accepter les nouveaux", OpReject: "Refuser les nouveaux", OpRole: "Donner un rôle",
	OpJoin: "Mettre dans un groupe", OpLeave: "Retirer d’un groupe", OpLanguage: "Choisir la langue",
	OpSessions: "Les déconnecter partout", OpDelete: "Supprimer leurs comptes",
	Curl: "La même liste pour un programme",
	CurlHint: "Cette requête renvoie les mêmes personnes en JSON. Elle demande " +
		"votre mot de passe.", Copy: "Copier la commande curl",
}

// personWords are the texts of the pages about one person.
type personWords struct {
	About, Profile, Access, Reach, Sessions, Keys, Password, History, Delete string // the tabs
	Created, Own, Edit, JobTitle, Department, LanguageHint, NoLanguage       string
	Approve, Reject, InviteAgain, Activate, Deactivate, CarryOut             string
	PlanTitle                                                                string // {name}
	AccessLead, HomeHint, AddGroup, AddPlace                                 string
	Drop                                                                     string // {name}
	Allowed, AllowedHint, Blocked, BlockedHint                               string
	Unusable, Where, Nowhere, More, Elsewhere, What                          string
	Permission, OnOwn, InReach, ByGroups, In, Out, AloneNote                 string
	Reasons                                                                  reasonWords
	NoSessions, EndAll, EndAllHint, NoKeys, AllTheyMay, AllTheyReach         string
	Factors, NoFactors, FactorsHint                                          string
	Reset                                                                    string
	ResetLead                                                                string // {mail}
	SetPassword, PasswordLead                                                string
	DeleteLead                                                               string // {name}
	HandOver, HandOverHint, To                                               string
}

// reasonWords say why a place is in somebody's reach.
type reasonWords struct {
	None, Home, Organization, Tree, Allowed, Blocked, Inactive string
	By                                                         string // {reason}, {place}
}

var englishPerson = personWords{
	About: "About this person", Profile: "Profile", Access: "Access", Reach: "What they reach", Sessions: "Sessions",
	Keys: "API keys", Password: "Password", History: "History", Delete: "Delete",
	Created: "Account made", Own: "This is you. Change your own account here.", Edit: "Change the profile",
	JobTitle: "Job title", Department: "Department", LanguageHint: "In which mails to them and their pages are written.",
	NoLanguage: "As their browser says",
	Approve:    "Let in", Reject: "Turn away", InviteAgain: "Send the invitation again",
	Activate:   "Switch the account on",
	Deactivate: "Switch the account off", CarryOut: "Make this change",
	PlanTitle:  "What would change for {name}",
	AccessLead: "Change what you like, then look at what it would do. Nothing is done before that.",
	HomeHint:   "Where they belong. By their role it decides how far they get.",
	AddGroup:   "Add a group", AddPlace: "Add a place", Drop: "Take away: {name}",
	Allowed: "Also allowed in", AllowedHint: "These places and everything below them, besides what the role gives.",
	Blocked: "Blocked from", BlockedHint: "These places and everything below them, whatever else is given.",
	Unusable: "This account cannot be used at present. This is what it would have.",
	Where:    "Where", Nowhere: "They reach no place that you see.", More: "There are more places than are shown here.",
	Elsewhere: "They also reach places that you do not see.", What: "What they may do there",
	Permission: "Permission", OnOwn: "On their own account", InReach: "Where they reach", ByGroups: "Given by",
	In: "In", Out: "Out", AloneNote: "(without what is below)",
	Reasons: reasonWords{None: "nothing gives this", Home: "their home", Organization: "their organization",
		Tree: "the whole tree", Allowed: "allowed", Blocked: "blocked", Inactive: "switched off", By: "{reason}: {place}"},
	NoSessions: "They are signed in nowhere.", EndAll: "Sign them out everywhere",
	EndAllHint: "Every session ends at once. They can sign in again.", NoKeys: "They have no keys.",
	AllTheyMay: "All they may do", AllTheyReach: "Everywhere they reach",
	Factors: "What they prove beside the password", NoFactors: "They have added nothing yet.",
	FactorsHint: "Remove what they have lost. Whoever signed in with it is signed out, and they are told by mail.",
	Reset:       "Send a link for a new password",
	ResetLead: "A link that works for an hour is mailed to {mail}. Until it is " +
		"used, the present password counts.",
	SetPassword: "Set a password",
	PasswordLead: "All their sessions end, and they must choose another one when they first sign in. Tell it to them " +
		"safely.",
	DeleteLead: "Deleting {name} takes away the account, its sessions and keys for good, and with it what they own " +
		"unless " +
		"it is handed over first.",
	HandOver: "Hand over what they own", HandOverHint: "Everything they own becomes this person’s.", To: "To whom",
}

var frenchPerson = personWords{
	About: "À propos de cette personne", Profile: "Fiche", Access: "Accès", Reach: "Ce qu’elle atteint",
	Sessions: "Connexions",
	Keys:     "Clés d’API", Password: "Mot de passe", History: "Historique", Delete: "Supprimer",
	Created: "Compte créé", Own: "C’est vous. Changez votre propre compte ici.", Edit: "Changer la fiche",
	JobTitle: "Fonction", Department: "Service",
	LanguageHint: "Celle de ses pages et des messages qui lui sont envoyés.",
	NoLanguage:   "Celle de son navigateur",
	Approve:      "Accepter", Reject: "Refuser", InviteAgain: "Envoyer de nouveau l’invitation",
	Activate:   "Activer le compte",
	Deactivate: "Désactiver le compte", CarryOut: "Faire ce changement",
	PlanTitle:  "Ce qui changerait pour {name}",
	AccessLead: "Changez ce que vous voulez, puis regardez ce qui se passerait. Rien n’est fait avant.",
	HomeHint:   "Le lieu dont elle fait partie. Avec son rôle, il décide jusqu’où elle va.",
	AddGroup:   "Ajouter un groupe", AddPlace: "Ajouter un lieu", Drop: "Retirer : {name}",
	Allowed: "Admise aussi dans", AllowedHint: "Ces lieux et tout ce qui est dessous, en plus de ce que donne le rôle.",
	Blocked: "Exclue de", BlockedHint: "Ces lieux et tout ce qui est dessous, quoi que donne le reste.",
	Unusable: "Ce compte ne peut pas servir en ce moment. Voici ce qu’il aurait.",
	Where:    "Où", Nowhere: "Elle n’atteint aucun lieu que vous voyez.",
	More:      "Il y a d’autres lieux que ceux montrés ici.",
	Elsewhere: "Elle atteint aussi des lieux que vous ne voyez pas.", What: "Ce qu’elle peut y faire",
	Permission: "Droit", OnOwn: "Sur son propre compte", InReach: "Là où elle va", ByGroups: "Donné par",
	In: "Oui", Out: "Non", AloneNote: "(sans ce qui est dessous)",
	Reasons: reasonWords{None: "rien ne le donne", Home: "son lieu", Organization: "son organisation",
		Tree: "tout l’arbre", Allowed: "admise", Blocked: "exclue", Inactive: "désactivé", By: "{reason} : {place}"},
	NoSessions: "Elle n’est connectée nulle part.", EndAll: "La déconnecter partout",
	EndAllHint: "Toutes les sessions prennent fin aussitôt. Elle peut se reconnecter.", NoKeys: "Elle n’a pas de clé.",
	AllTheyMay: "Tout ce qu’elle peut", AllTheyReach: "Partout où elle va",
	Factors: "Ce qu’elle prouve en plus du mot de passe", NoFactors: "Elle n’a encore rien ajouté.",
	FactorsHint: "Supprimez ce qu’elle a perdu. Qui s’est connecté avec est déconnecté, et elle en est avertie.",
	Reset:       "Envoyer un lien pour un nouveau mot de passe",
	ResetLead: "Un lien valable une heure est envoyé à {mail}. Tant " +
		"qu’il n’a pas servi, le mot de passe actuel compte.",
	SetPassword: "Donner un mot de passe",
	PasswordLead: "Toutes ses sessions prennent fin, et elle devra en choisir un autre à sa première connexion. " +
		"Transmettez-le avec précaution.",
	DeleteLead: "Supprimer {name} retire pour toujours le compte, ses sessions et ses clés, et avec lui ce qui lui " +
		"appartient, sauf si c’est d’abord remis à quelqu’un.",
	HandOver: "Remettre ce qui lui appartient", HandOverHint: "Tout ce qui lui appartient passe à cette personne.",
	To: "À qui",
}

// inviteWords are the texts of the pages by which people come to be there.
type inviteWords struct {
	Title, Lead, Addresses, AddressesHint, Send, HomeHint, GroupHint string
	Done                                                             plural
	Line, Address, Became, Invited, NotInvited, Again, Back          string
	New, NewLead, Make                                               string
}

var englishInvite = inviteWords{
	Title: "Invite people",
	Lead: "Each gets a mail with a link, by which they choose a password. The link works for a week. Their mail " +
		"address " +
		"is their login name.",
	Addresses:     "Mail addresses",
	AddressesHint: "One on each line, at most 100: ada@example.org, or Ada Lovelace <ada@example.org>.",
	Send:          "Send the invitations", HomeHint: "Where they belong. Leave it empty for your own place.",
	GroupHint: "What they may do comes from it. Leave it empty for the ordinary one.",
	Done:      plural{"{n} person was invited", "{n} people were invited"},
	Line:      "Line", Address: "Address", Became: "What became of it", Invited: "Invited", NotInvited: "Not invited",
	Again: "Mend the others and send them again", Back: "To the list of people",
	New: "Create an account",
	NewLead: "For somebody whom you tell the password yourself. It must be changed at the first " +
		"sign-in. It is better to invite people who have a mail address.",
	Make: "Create the account",
}

var frenchInvite = inviteWords{
	Title: "Inviter des personnes",
	Lead: "Chacune reçoit un message avec un lien pour choisir un mot de passe. Le lien fonctionne une semaine. " +
		"L’adresse électronique sert d’identifiant.",
	Addresses:     "Adresses électroniques",
	AddressesHint: "Une par ligne, 100 au plus : ada@example.org, ou Ada Lovelace <ada@example.org>.",
	Send:          "Envoyer les invitations", HomeHint: "Le lieu dont elles font partie. Laissez vide pour le vôtre.",
	GroupHint: "Il donne ce qu’elles peuvent faire. Laissez vide pour le groupe ordinaire.",
	Done:      plural{"{n} personne a été invitée", "{n} personnes ont été invitées"},
	Line:      "Ligne", Address: "Adresse", Became: "Résultat", Invited: "Invitée", NotInvited: "Pas invitée",
	Again: "Corriger les autres et les envoyer de nouveau", Back: "Vers la liste des personnes",
	New: "Créer un compte",
	NewLead: "Pour quelqu’un à qui vous direz vous-même le mot de passe. Il devra être changé à la " +
		"première connexion. Mieux vaut inviter qui a une adresse électronique.",
	Make: "Créer le compte",
}

// programWords are the texts of the pages by which accounts of programs come to be there.
type programWords struct {
	New, Lead, Instead, Alias, AliasHint, NameHint, HomeHint, GroupHint string
	Key, ExpiresHint, PlaceHint, OnlyHint, Account                      string
	MakeKey, OneMore, KeyMade, Sessions                                 string
	Made                                                                string // {name}
}

var englishProgram = programWords{
	New: "Create a program’s account",
	Lead: "A service account: a program acts by it, with API keys alone. It has no password and no mail address, and " +
		"nobody signs in to it here.",
	Instead: "Is it for a program? Create a program’s account instead.",
	Alias:   "What it goes by", AliasHint: "Lists and the history name it so. Such as: nightly-report.",
	NameHint: "Leave it empty for the same.", HomeHint: "Where it belongs. Leave it empty for your own place.",
	GroupHint: "What it may do comes from it. Leave it empty for the ordinary one.",
	Key:       "Its first key", ExpiresHint: "A day, such as 2027-01-31. From that day on it opens nothing.",
	PlaceHint: "And in everything below it. Leave it empty for everywhere the account reaches.",
	OnlyHint:  "Without a tick the key may do all that the account may.",
	MakeKey:   "Make a key",
	OneMore: "To change a key without a break: make another one, give it to the program, and revoke the old one when " +
		"that is no longer used.",
	KeyMade: "The new key", Sessions: "Where it is signed in",
	Account: "To the account", Made: "{name} is there",
}

var frenchProgram = programWords{
	New: "Créer le compte d’un programme",
	Lead: "Un compte de service : un programme agit par lui, avec des clés d’API seulement. Il n’a ni mot de passe ni " +
		"adresse électronique, et personne ne s’y connecte ici.",
	Instead: "C’est pour un programme ? Créez plutôt le compte d’un programme.",
	Alias:   "Son identifiant", AliasHint: "Les listes et l’historique le nomment ainsi. Par exemple : rapport-de-nuit.",
	NameHint: "Laissez vide pour le même.", HomeHint: "Le lieu dont il fait partie. Laissez vide pour le vôtre.",
	GroupHint: "Il donne ce qu’il peut faire. Laissez vide pour le groupe ordinaire.",
	Key:       "Sa première clé", ExpiresHint: "Un jour, comme 2027-01-31. Dès ce jour elle n’ouvre plus rien.",
	PlaceHint: "Et dans tout ce qui se trouve dessous. Laissez vide pour tout ce que le compte atteint.",
	OnlyHint:  "Sans coche, la clé peut tout ce que peut le compte.",
	MakeKey:   "Créer une clé",
	OneMore: "Pour changer de clé sans interruption : créez-en une autre, donnez-la au programme, et révoquez " +
		"l’ancienne quand elle ne sert plus.",
	KeyMade: "La nouvelle clé", Sessions: "Où il est connecté",
	Account: "Vers le compte", Made: "{name} est créé",
}
