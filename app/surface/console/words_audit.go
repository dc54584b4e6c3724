package console

import (
	"strings"

	"canopy/domain"
)

// auditWords are the texts of the pages of what happened.
type auditWords struct {
	Title, Lead, Export, None, NoneKept, Show, Clear string

	Somebody, ByConsole, ByCommand string
	ByAPI                          string // {surface}
	FromNetwork                    string // {network}
	Nothing, Different             string
	Often                          string // {n}, {last}
	Details                        plural

	Filters   auditFilterWords
	Actions   auditActionWords
	Sentences auditSentenceWords
	Fields    fieldWords
	States    stateWords
	Doers     doerWords
	Kinds     thingWords
}

// thingWords name kinds of things that have no page of their own.
type thingWords struct{ Provider, Code, Observer, Sector, Application, Key, API, Topic string }

// of returns a kind of things in words, whatever it is if it has none.
func (w *thingWords) of(kind string) string {
	return worded(kind, map[string]string{"provider": w.Provider, "registration_code": w.Code,
		string(domain.KindObserver): w.Observer, string(domain.KindSector): w.Sector,
		string(domain.KindApplication): w.Application, string(domain.KindKey): w.Key, string(domain.KindAPI): w.API,
		string(domain.KindTopic): w.Topic})
}

// doerWords name who does something without an account of their own.
type doerWords struct {
	CommandLine, Import, Export, Demo, Bootstrap, SignUp, Provider, Domains, Reminders, Sweep, Departures, Usage, Twice,
	Others string
}

// of returns who did something, by the name that the audit trail has of them, in words; an account's is its login name.
func (w *doerWords) of(alias string) string {
	return worded(alias, map[string]string{"(command line)": w.CommandLine, "(import)": w.Import, "(export)": w.Export,
		"(demo)": w.Demo, "(bootstrap)": w.Bootstrap, "(sign-up)": w.SignUp, "(identity provider)": w.Provider,
		"(domains)": w.Domains, "(reminders)": w.Reminders, "(sweep)": w.Sweep, "(departures)": w.Departures,
		"(usage)": w.Usage, "(refresh token used twice)": w.Twice, domain.Others: w.Others})
}

// auditFilterWords name the filters.
type auditFilterWords struct{ Place, Actor, Target, Action, Day, From, Until string }

func (w *auditFilterWords) of(name string) string {
	return map[string]string{"env": w.Place, "actor": w.Actor, "target": w.Target, "action": w.Action, "day": w.Day,
		"from": w.From, "until": w.Until}[name]
}

// auditActionWords name what can have happened.
type auditActionWords struct {
	Any, User, UserCreate, UserUpdate, UserDelete, Group, Place, SignIn, SignInSuccess, SignInFailure, SignInPassword,
	Session, Key, Factor string
}

// auditSentenceWords say what happened: {who} did something to {what}, of a {kind}.
type auditSentenceWords struct {
	UserCreate, UserUpdate, UserDelete, GroupCreate, GroupUpdate, GroupDelete, PlaceCreate, PlaceUpdate, PlaceDelete,
	PlaceSignIn,
	SignInSuccess, SignInFailure, SignInPassword, SessionEnd, KeyCreate, KeyShow, KeyRevoke, ServerKey,
	FactorAdd, FactorRename, FactorRemove, FactorCodes, FactorRecover, Link, Unlink, Prove,
	Forget, BreakGlass, EmergencyLost,
	OtherCreate, OtherUpdate, OtherDelete, Other string
}

// fieldWords name the fields of people, groups and places.
type fieldWords struct {
	Alias, Home, Role, Group, Allowed, Blocked, State, Active, FirstName, LastName, Mail, Phone, JobTitle, Department,
	Language, Zone, DefaultPage, FirstAccess, PasswordDelay, RevokeDelay, LastPassword, Picture, Password,
	Description, Parent, Permission, Organization, Code, SendURL, GitRepository, Network, Session, Key, Expires, Place,
	Name, Owner, Visibility, Uses, Access, Archived, System, ListsUsers, Claims, FromAbove, Kind string
}

// of returns what the core calls field in words. What has no word has its own name.
func (w *fieldWords) of(field string) string {
	if text := map[string]string{"alias": w.Alias, "home": w.Home, "role": w.Role, "group": w.Group, "groups": w.Group,
		"allowed": w.Allowed, "blocked": w.Blocked, "state": w.State, "active": w.Active, "person.first_name": w.FirstName,
		"person.last_name": w.LastName, "person.mail": w.Mail, "person.phone": w.Phone, "person.job_title": w.JobTitle,
		"person.department": w.Department, "language": w.Language, "time_zone": w.Zone, "default_page": w.DefaultPage,
		"first_access": w.FirstAccess, "password_delay": w.PasswordDelay, "revoke_delay": w.RevokeDelay,
		"last_password": w.LastPassword, "picture": w.Picture, "password": w.Password, "description": w.Description,
		"attributes.description": w.Description, "parent": w.Parent, "permission": w.Permission,
		"organization": w.Organization, "code": w.Code, "send_url": w.SendURL, "git_repository": w.GitRepository,
		"network": w.Network, "session": w.Session, "key": w.Key, "expires": w.Expires, "environment": w.Place,
		"name": w.Name, "owner": w.Owner, "visibility": w.Visibility, "uses": w.Uses, "access": w.Access,
		"archived": w.Archived, "system": w.System, "lists_users": w.ListsUsers, "claims": w.Claims,
		"from_above": w.FromAbove, "kind": w.Kind}[field]; text != "" {
		return text
	}
	return strings.TrimPrefix(strings.TrimPrefix(field, "attributes."), "custom.")
}

// stateWords name the states of an account.
type stateWords struct{ Approved, Pending, Unverified, Invited string }

// roleText returns a role in words, whatever it is if it is none.
func (w *roleWords) roleText(role string) string {
	return worded(role, map[string]string{"user": w.User, "power": w.Power, "oadmin": w.OAdmin, "superUser": w.SuperUser})
}

// of returns a state in words, whatever it is if it is none.
func (w *stateWords) of(state string) string {
	return worded(state, map[string]string{"approved": w.Approved, "pending": w.Pending, "unverified": w.Unverified,
		"invited": w.Invited})
}

func worded(value string, words map[string]string) string {
	if text := words[value]; text != "" {
		return text
	}
	return value
}

var englishAudit = auditWords{
	Title: "History", Lead: "What was changed and who signed in, the newest first.",
	Export: "Download as a table (CSV)", None: "Nothing has happened here yet.",
	NoneKept: "Nothing fits these filters. Take one away to see more.", Show: "Show", Clear: "Clear all filters",
	Somebody: "Somebody whom you do not see", ByConsole: "in the console", ByCommand: "at the command line",
	ByAPI: "by the API {surface}", FromNetwork: "from the network {network}", Nothing: "nothing", Different: "changed",
	Often:   "{n} times, the last time {last}",
	Details: plural{"{n} detail", "{n} details"},
	Filters: auditFilterWords{Place: "Place", Actor: "Who did it",
		Target: "About", Action: "What happened", Day: "On",
		From: "From", Until: "Until"},
	Actions: auditActionWords{Any: "Anything", User: "Accounts", UserCreate: "Account created",
		UserUpdate: "Account changed", UserDelete: "Account deleted", Group: "Groups", Place: "Places",
		SignIn: "Signing in", SignInSuccess: "Signed in", SignInFailure: "Failed to sign in",
		SignInPassword: "Gave the password only", Session: "Sessions ended", Key: "API keys", Factor: "Second factors"},
	Sentences: auditSentenceWords{
		UserCreate: "{who} created the account {what}", UserUpdate: "{who} changed the account {what}",
		UserDelete: "{who} deleted the account {what}", GroupCreate: "{who} created the group {what}",
		GroupUpdate: "{who} changed the group {what}", GroupDelete: "{who} deleted the group {what}",
		PlaceCreate: "{who} created the place {what}", PlaceUpdate: "{who} changed the place {what}",
		PlaceDelete: "{who} deleted the place {what}", SignInSuccess: "{what} signed in",
		SignInFailure:  "Somebody failed to sign in as {what}",
		SignInPassword: "Somebody gave the password of {what}, which was not enough",
		SessionEnd:     "{who} ended a session of {what}",
		KeyCreate:      "{who} made an API key of {what}", KeyShow: "{who} looked at an API key of {what}",
		KeyRevoke: "{who} revoked an API key of {what}", ServerKey: "{who} changed the key by which the server signs",
		Link:          "{who} let {what} sign in by an identity provider",
		Unlink:        "{who} kept {what} from signing in by an identity provider",
		BreakGlass:    "{what} signed in past the identity provider, as an emergency account",
		EmergencyLost: "{what} can no longer sign in as an emergency account",
		Prove:         "{who} proved the mail domain {what}",
		Forget:        "{who} gave the proof of the mail domain {what} up",
		FactorAdd:     "{who} added a second factor of {what}", FactorRename: "{who} renamed a second factor of {what}",
		FactorRemove: "{who} removed a second factor of {what}", FactorCodes: "{who} had recovery codes of {what} made",
		FactorRecover: "{who} signed in as {what} with a recovery code",
		PlaceSignIn:   "{who} changed what {what} asks of sign-ins",
		OtherCreate:   "{who} created {what} ({kind})", OtherUpdate: "{who} changed {what} ({kind})",
		OtherDelete: "{who} deleted {what} ({kind})", Other: "{who} did something to {what} ({action})"},
	Fields: fieldWords{Alias: "Login name", Home: "Place", Role: "Role", Group: "Groups", Allowed: "Also allowed in",
		Blocked: "Blocked in", State: "State", Active: "Active", FirstName: "First name", LastName: "Last name",
		Mail: "Mail address", Phone: "Phone", JobTitle: "Job title", Department: "Department", Language: "Language",
		Zone: "Time zone", DefaultPage: "First page", FirstAccess: "Has signed in before",
		PasswordDelay: "Days until the password must change", RevokeDelay: "Days until the account rests",
		LastPassword: "Last password", Picture: "Picture", Password: "Password", Description: "Description",
		Parent: "Above it", Permission: "Permissions", Organization: "Organization", Code: "Code", SendURL: "Sends its URL",
		GitRepository: "Git repository", Network: "Network", Session: "Session", Key: "API key", Expires: "Ends",
		Place: "Only in", Name: "Name", Owner: "Owner", Visibility: "Visible to", Uses: "Uses", Access: "Shared with",
		Archived: "Archived", System: "Is a program", ListsUsers: "Sees everybody",
		Claims: "Claims", FromAbove: "Levels above from which it was set", Kind: "Kind"},
	States: stateWords{Approved: "Accepted", Pending: "Waits for approval", Unverified: "Mail address not confirmed",
		Invited: "Invited"},
	Doers: doerWords{CommandLine: "(command line)", Import: "(import)", Export: "(export)", Demo: "(demo)",
		Bootstrap: "(the beginning)", SignUp: "(sign-up)", Provider: "(identity provider)", Domains: "(domains)",
		Reminders: "(reminders)", Sweep: "(cleaning up)", Departures: "(departures)", Usage: "(usage)",
		Twice: "(refresh token used twice)", Others: "(others)"},
	Kinds: thingWords{Provider: "identity provider", Code: "registration code", Observer: "observer", Sector: "sector",
		Application: "application", Key: "key", API: "API", Topic: "topic"},
}

var frenchAudit = auditWords{
	Title: "Historique", Lead: "Ce qui a été changé et qui s’est connecté, le plus récent d’abord.",
	Export: "Télécharger en tableau (CSV)", None: "Il ne s’est encore rien passé ici.",
	NoneKept: "Rien ne correspond à ces filtres. Retirez-en un pour en voir plus.", Show: "Afficher",
	Clear:    "Retirer tous les filtres",
	Somebody: "Quelqu’un que vous ne voyez pas", ByConsole: "dans la console", ByCommand: "en ligne de commande",
	ByAPI: "par l’API {surface}", FromNetwork: "depuis le réseau {network}", Nothing: "rien", Different: "changé",
	Often:   "{n} fois, la dernière fois le {last}",
	Details: plural{"{n} détail", "{n} détails"},
	Filters: auditFilterWords{Place: "Lieu", Actor: "Par qui",
		Target: "À propos de", Action: "Ce qui s’est passé",
		Day: "Le", From: "Depuis le", Until: "Jusqu’au"},
	Actions: auditActionWords{Any: "Tout", User: "Comptes", UserCreate: "Compte créé", UserUpdate: "Compte changé",
		UserDelete: "Compte supprimé", Group: "Groupes", Place: "Lieux", SignIn: "Connexions", SignInSuccess: "Connecté",
		SignInFailure: "Connexion échouée", SignInPassword: "Mot de passe seul", Session: "Sessions terminées",
		Key: "Clés d’API", Factor: "Seconds facteurs"},
	Sentences: auditSentenceWords{
		UserCreate: "{who} a créé le compte {what}", UserUpdate: "{who} a changé le compte {what}",
		UserDelete: "{who} a supprimé le compte {what}", GroupCreate: "{who} a créé le groupe {what}",
		GroupUpdate: "{who} a changé le groupe {what}", GroupDelete: "{who} a supprimé le groupe {what}",
		PlaceCreate: "{who} a créé le lieu {what}", PlaceUpdate: "{who} a changé le lieu {what}",
		PlaceDelete: "{who} a supprimé le lieu {what}", SignInSuccess: "{what} s’est connecté",
		SignInFailure:  "Quelqu’un n’a pas réussi à se connecter comme {what}",
		SignInPassword: "Quelqu’un a donné le mot de passe de {what}, ce qui ne suffisait pas",
		SessionEnd:     "{who} a mis fin à une session de {what}",
		KeyCreate:      "{who} a créé une clé d’API de {what}", KeyShow: "{who} a regardé une clé d’API de {what}",
		KeyRevoke:     "{who} a révoqué une clé d’API de {what}",
		ServerKey:     "{who} a changé la clé avec laquelle le serveur signe",
		Link:          "{who} a permis à {what} de se connecter par un fournisseur d’identité",
		Unlink:        "{who} ne permet plus à {what} de se connecter par un fournisseur d’identité",
		BreakGlass:    "{what} s’est connecté sans le fournisseur d’identité, comme compte de secours",
		EmergencyLost: "{what} ne peut plus se connecter comme compte de secours",
		Prove:         "{who} a prouvé le domaine d’adresses {what}",
		Forget:        "{who} a renoncé à la preuve du domaine d’adresses {what}",
		FactorAdd:     "{who} a ajouté un second facteur de {what}",
		FactorRename:  "{who} a renommé un second facteur de {what}",
		FactorRemove:  "{who} a supprimé un second facteur de {what}",
		FactorCodes:   "{who} a fait créer des codes de secours de {what}",
		FactorRecover: "{who} s’est connecté comme {what} avec un code de secours",
		PlaceSignIn:   "{who} a changé ce que {what} demande aux connexions",
		OtherCreate:   "{who} a créé {what} ({kind})", OtherUpdate: "{who} a changé {what} ({kind})",
		OtherDelete: "{who} a supprimé {what} ({kind})", Other: "{who} a fait quelque chose à {what} ({action})"},
	Fields: fieldWords{Alias: "Identifiant", Home: "Lieu", Role: "Rôle", Group: "Groupes", Allowed: "Autorisé aussi dans",
		Blocked: "Bloqué dans", State: "État", Active: "Actif", FirstName: "Prénom", LastName: "Nom",
		Mail: "Adresse électronique", Phone: "Téléphone", JobTitle: "Fonction", Department: "Service", Language: "Langue",
		Zone: "Fuseau horaire", DefaultPage: "Première page", FirstAccess: "S’est déjà connecté",
		PasswordDelay: "Jours jusqu’au changement du mot de passe", RevokeDelay: "Jours jusqu’à la mise en sommeil",
		LastPassword: "Dernier mot de passe", Picture: "Photo", Password: "Mot de passe", Description: "Texte",
		Parent: "Au-dessus", Permission: "Droits", Organization: "Organisation", Code: "Sigle", SendURL: "Envoie son URL",
		GitRepository: "Dépôt Git", Network: "Réseau", Session: "Connexion", Key: "Clé d’API", Expires: "Prend fin",
		Place: "Seulement dans", Name: "Intitulé", Owner: "Propriétaire", Visibility: "Visible pour", Uses: "Utilise",
		Access: "Partagé avec", Archived: "Archivé", System: "Est un programme", ListsUsers: "Voit tout le monde",
		Claims: "Attributs du jeton", FromAbove: "Niveaux au-dessus d’où cela vient", Kind: "Genre"},
	States: stateWords{Approved: "Accepté", Pending: "Attend l’accord", Unverified: "Adresse non confirmée",
		Invited: "Invité"},
	Doers: doerWords{CommandLine: "(ligne de commande)", Import: "(importation)", Export: "(exportation)",
		Demo: "(démonstration)", Bootstrap: "(le début)", SignUp: "(inscription)", Provider: "(fournisseur d’identité)",
		Domains: "(domaines)", Reminders: "(rappels)", Sweep: "(nettoyage)", Departures: "(départs)",
		Usage: "(utilisation)", Twice: "(jeton de renouvellement utilisé deux fois)", Others: "(d’autres)"},
	Kinds: thingWords{Provider: "fournisseur d’identité", Code: "code d’inscription", Observer: "observateur",
		Sector: "secteur", Application: "application", Key: "clé", API: "API", Topic: "sujet"},
}
