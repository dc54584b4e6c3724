package console

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"canopy/domain"
)

// permissionText is a permission in words: a short name, and what whoever has it can do.
type permissionText struct{ Name, Does string }

// An area is what permissions are about.
type permissionArea uint8

// The areas, in the order in which they are shown.
const (
	areaPeopleOf permissionArea = iota
	areaGroupsOf
	areaPlacesOf
	areaHistoryOf
	areaOwn
	areaObjects
	permissionAreas
)

// areasOf says what the permissions of each object of the catalogue are about.
var areasOf = map[string]permissionArea{"user": areaPeopleOf, "group": areaGroupsOf, "environment": areaPlacesOf,
	"organization": areaPlacesOf, "audit": areaHistoryOf, "profile": areaOwn, "password": areaOwn, "session": areaOwn,
	"apikey": areaOwn, "object": areaObjects, "observer": areaObjects, "sector": areaObjects,
	"application": areaObjects, "api": areaObjects, "topic": areaObjects}

// permissionsOf returns the permissions of an area, in the order of the catalogue.
func permissionsOf(area permissionArea) []domain.Permission {
	var all []domain.Permission
	for i := range domain.Catalogue {
		if areasOf[domain.Catalogue[i].Object] == area {
			all = append(all, domain.Catalogue[i].Permission)
		}
	}
	return all
}

// roleWords are the roles, and what each is, in words.
type roleWords struct {
	User, Power, OAdmin, SuperUser                     string
	UserDoes, PowerDoes, OAdminDoes, SuperUserDoes     string
	Title, Lead, Permission, Own, Reach, Both, Nowhere string
}

var englishAreas = [permissionAreas]string{"People", "Groups", "Places and organizations", "History",
	"One’s own account", "Objects"}

var frenchAreas = [permissionAreas]string{"Personnes", "Groupes", "Lieux et organisations", "Historique",
	"Son propre compte", "Objets"}

var englishPermissions = map[domain.Permission]permissionText{
	domain.ProfileRead:    {"See the own account", "See one’s own name, place, role and groups."},
	domain.ProfileUpdate:  {"Change the own account", "Change one’s own name, phone, language and time zone."},
	domain.PasswordChange: {"Change the own password", "Choose another password for oneself."},
	domain.SessionManage:  {"End own sessions", "See where one is signed in, and sign out there."},
	domain.APIKeyManage: {"Manage own API keys", "Make keys with which programs act in one’s name, and revoke " +
		"them."},
	domain.ObjectManage:  {"Manage all objects", "See, change and hand over objects, whoever owns them."},
	domain.ObserverRead:  {"See observers", "See the observers that one owns or was given."},
	domain.ObserverWrite: {"Change observers", "Create observers, and change those one owns or was given."},
	domain.SectorRead:    {"See sectors", "See the sectors that one owns or was given."},
	domain.SectorWrite:   {"Change sectors", "Create sectors, and change those one owns or was given."},
	domain.ApplicationRead: {"See applications", "See the applications, with their keys, that one owns or was " +
		"given."},
	domain.ApplicationWrite: {"Change applications", "Create applications and keys, and change those one owns or was " +
		"given."},
	domain.APIRead:    {"See APIs", "See the APIs of the places one works in."},
	domain.APIWrite:   {"Change APIs", "Create APIs, and change those one owns or was given."},
	domain.TopicRead:  {"See topics", "See the topics that one owns or was given."},
	domain.TopicWrite: {"Change topics", "Create topics, and change those one owns or was given."},
	domain.GroupMembers: {"Choose the people of own groups", "Put people into the groups that one is an admin of, and " +
		"take them out."},
	domain.UserRead:   {"See people", "See who is there, with place, role and groups."},
	domain.UserCreate: {"Create people", "Create accounts, and invite people."},
	domain.UserUpdate: {"Change people", "Change people: what they are called, where they belong and what they may " +
		"do."},
	domain.UserDelete:      {"Delete people", "Delete accounts."},
	domain.GroupRead:       {"See groups", "See the groups and what each gives."},
	domain.GroupWrite:      {"Change groups", "Create groups, change what they give, and delete them."},
	domain.EnvironmentRead: {"See places", "See the places and how they lie below one another."},
	domain.EnvironmentWrite: {"Change places", "Create places, change, move and switch them off, and delete " +
		"them."},
	domain.OrganizationRead:  {"See organizations", "See the organizations."},
	domain.OrganizationWrite: {"Change organizations", "Create organizations, move and delete them."},
	domain.AuditRead:         {"Read the history", "Read who changed what, and when."},
}

var frenchPermissions = map[domain.Permission]permissionText{
	domain.ProfileRead:    {"Voir son compte", "Voir son propre nom, son lieu, son rôle et ses groupes."},
	domain.ProfileUpdate:  {"Modifier son compte", "Changer son nom, son téléphone, sa langue et son fuseau horaire."},
	domain.PasswordChange: {"Changer son mot de passe", "Choisir un autre mot de passe pour soi-même."},
	domain.SessionManage:  {"Fermer ses sessions", "Voir où l’on est connecté, et s’y déconnecter."},
	domain.APIKeyManage: {"Gérer ses clés d’API", "Créer des clés avec lesquelles des programmes agissent en son nom, " +
		"et les révoquer."},
	domain.ObjectManage: {"Gérer tous les objets", "Voir, modifier et transmettre les objets, quel qu’en soit " +
		"le propriétaire."},
	domain.ObserverRead: {"Voir les observateurs", "Voir les observateurs que l’on possède ou que l’on a " +
		"reçus."},
	domain.ObserverWrite: {"Modifier les observateurs", "Créer des observateurs, et modifier les siens ou ceux " +
		"que l’on a reçus."},
	domain.SectorRead:  {"Voir les secteurs", "Voir les secteurs que l’on possède ou que l’on a reçus."},
	domain.SectorWrite: {"Modifier les secteurs", "Créer des secteurs, et modifier les siens ou ceux que l’on a reçus."},
	domain.ApplicationRead: {"Voir les applications", "Voir les applications, avec leurs clés, que l’on possède ou que " +
		"l’on a reçues."},
	domain.ApplicationWrite: {"Modifier les applications", "Créer des applications et des clés, et modifier les siennes " +
		"ou celles que l’on a reçues."},
	domain.APIRead:    {"Voir les API", "Voir les API des lieux où l’on travaille."},
	domain.APIWrite:   {"Modifier les API", "Créer des API, et modifier les siennes ou celles que l’on a reçues."},
	domain.TopicRead:  {"Voir les sujets", "Voir les sujets que l’on possède ou que l’on a reçus."},
	domain.TopicWrite: {"Modifier les sujets", "Créer des sujets, et modifier les siens ou ceux que l’on a reçus."},
	domain.GroupMembers: {"Choisir les membres de ses groupes", "Mettre des personnes dans les groupes que l’on " +
		"administre, et les en retirer."},
	domain.UserRead:   {"Voir les personnes", "Voir qui est là, avec le lieu, le rôle et les groupes."},
	domain.UserCreate: {"Créer des personnes", "Créer des comptes, et inviter des personnes."},
	domain.UserUpdate: {"Modifier les personnes", "Changer le nom des personnes, le lieu où elles sont et ce qu’elles " +
		"peuvent faire."},
	domain.UserDelete: {"Supprimer des personnes", "Supprimer des comptes."},
	domain.GroupRead:  {"Voir les groupes", "Voir les groupes et ce que chacun donne."},
	domain.GroupWrite: {"Modifier les groupes", "Créer des groupes, changer ce qu’ils donnent, et les supprimer."},
	domain.EnvironmentRead: {"Voir les lieux", "Voir les lieux et comment ils sont rangés les uns sous les " +
		"autres."},
	domain.EnvironmentWrite: {"Modifier les lieux", "Créer des lieux, les modifier, les déplacer, les désactiver et " +
		"les supprimer."},
	domain.OrganizationRead:  {"Voir les organisations", "Voir les organisations."},
	domain.OrganizationWrite: {"Modifier les organisations", "Créer, déplacer et supprimer des organisations."},
	domain.AuditRead:         {"Lire l’historique", "Lire qui a changé quoi, et quand."},
}

var englishRoles = roleWords{
	User: "User", Power: "Power user", OAdmin: "Organization admin", SuperUser: "Superuser",
	UserDoes:      "Works in their own place and in those they are allowed, and manages nobody.",
	PowerDoes:     "Manages the people of their own place and of all below it.",
	OAdminDoes:    "Manages everybody and every place of their organization.",
	SuperUserDoes: "Manages the whole tree.",
	Title:         "What the roles permit",
	Lead: "A permission has an effect if a group of the person gives it and the role permits it. This table says what " +
		"each role permits: on the own account, or everywhere the person reaches.",
	Permission: "Permission", Own: "Own account", Reach: "In reach", Both: "Own account and in reach", Nowhere: "No",
}

var frenchRoles = roleWords{
	User: "Utilisateur", Power: "Utilisateur avancé", OAdmin: "Administrateur d’organisation",
	SuperUser:     "Super-utilisateur",
	UserDoes:      "Travaille dans son lieu et dans ceux qui lui sont ouverts, et ne gère personne.",
	PowerDoes:     "Gère les personnes de son lieu et de tous ceux qui sont dessous.",
	OAdminDoes:    "Gère toutes les personnes et tous les lieux de son organisation.",
	SuperUserDoes: "Gère l’arbre entier.",
	Title:         "Ce que les rôles permettent",
	Lead: "Une permission agit si un groupe de la personne la donne et si le rôle la permet. Ce tableau dit ce que " +
		"chaque rôle permet : sur son propre compte, ou partout où la personne peut aller.",
	Permission: "Permission", Own: "Son compte", Reach: "Partout où il va", Both: "Son compte et partout où il va",
	Nowhere: "Non",
}

// permission returns a permission's name, its code if it has none.
func (v *view) permission(p domain.Permission) string {
	if text, named := v.words.Permissions[p]; named {
		return text.Name
	}
	return p.String()
}

// role returns a role in words.
func (v *view) role(r domain.Role) string {
	w := &v.words.Roles
	switch r {
	case domain.RoleUser:
		return w.User
	case domain.RolePower:
		return w.Power
	case domain.RoleOAdmin:
		return w.OAdmin
	default:
		return w.SuperUser
	}
}

// roleDoes says what somebody with a role is there for.
func (v *view) roleDoes(r domain.Role) string {
	w := &v.words.Roles
	switch r {
	case domain.RoleUser:
		return w.UserDoes
	case domain.RolePower:
		return w.PowerDoes
	case domain.RoleOAdmin:
		return w.OAdminDoes
	default:
		return w.SuperUserDoes
	}
}

// listed returns the names of permissions as they stand inside a sentence.
func (v *view) listed(m domain.Mask) string {
	var names []string
	for area := range permissionAreas {
		for _, p := range permissionsOf(area) {
			if m.Has(p) {
				names = append(names, lowered(v.permission(p)))
			}
		}
	}
	return strings.Join(names, ", ")
}

// lowered returns a text as it stands inside a sentence.
func lowered(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToLower(first)) + text[size:]
}

// raised returns a text as it begins a sentence.
func raised(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
