package console

// overviewWords are the texts of the overview of a place.
type overviewWords struct {
	Title                                                          string // {place}
	Place, ThePlace                                                string
	Incomplete                                                     plural
	Odd, NothingOdd, AllowedOutside, NotAllowedOutside, SomeGroups string
	Lonely, HasAdmins, IdleGroups                                  plural
	People                                                         plural
	Approved, Invited, Pending, Unverified, Inactive               string
	Oldest, NotConnected                                           string // {day}
	Admins, ByPlace, Here, Others, Bar                             string
	SignIns, AsTable, Day, SignInsColumn, SomeSignIns              string
	SignInsSum                                                     plural
	SignInsOn                                                      plural // and {day}
}

var englishOverview = overviewWords{
	Title: "Overview of {place}", Place: "Another place", ThePlace: "The place itself",
	Incomplete: plural{"There are more people: the numbers are of the first one.",
		"There are more people: the numbers are of the first {n}, in the order of the tree."},
	Odd: "What looks wrong", NothingOdd: "Nothing looks wrong.",
	AllowedOutside:    "Allowed places of other organizations",
	NotAllowedOutside: "Allowed places of their own organization alone",
	SomeGroups:        "There are too many groups to look at each.",
	Lonely: plural{"An organization has no more than one admin who can act:",
		"{n} organizations have no more than one admin who can act:"},
	HasAdmins:  plural{"{n} admin", "{n} admins"},
	IdleGroups: plural{"A group gives nothing:", "{n} groups give nothing:"},
	People:     plural{"{n} person", "{n} people"},
	Approved:   "In use", Invited: "Invited, not there yet", Pending: "Waiting for approval",
	Unverified: "Mail address not confirmed", Inactive: "Switched off",
	Oldest: "the oldest since {day}", NotConnected: "Not signed in since {day}",
	Admins: "Who manages others", ByPlace: "People by place", Here: "In the place itself", Others: "In other places below",
	Bar: "As a bar", SignIns: "Sign-ins", AsTable: "As a table", Day: "Day (UTC)", SignInsColumn: "Times",
	SomeSignIns: "There were too many to count all of them.",
	SignInsSum:  plural{"{n} sign-in in 30 days", "{n} sign-ins in 30 days"},
	SignInsOn:   plural{"{day}: {n} sign-in", "{day}: {n} sign-ins"},
}

var frenchOverview = overviewWords{
	Title: "Vue d’ensemble : {place}", Place: "Un autre lieu", ThePlace: "Le lieu lui-même",
	Incomplete: plural{"Il y a plus de personnes : les nombres sont ceux de la première.",
		"Il y a plus de personnes : les nombres sont ceux des {n} premières, dans l’ordre de l’arborescence."},
	Odd: "Ce qui paraît anormal", NothingOdd: "Rien ne paraît anormal.",
	AllowedOutside: "Avec accès à d’autres organisations", NotAllowedOutside: "Sans accès à d’autres organisations",
	SomeGroups: "Il y a trop de groupes pour les regarder tous.",
	Lonely: plural{"Une organisation n’a pas plus d’un administrateur en état d’agir :",
		"{n} organisations n’ont pas plus d’un administrateur en état d’agir :"},
	HasAdmins:  plural{"{n} administrateur", "{n} administrateurs"},
	IdleGroups: plural{"Un groupe ne donne rien :", "{n} groupes ne donnent rien :"},
	People:     plural{"{n} personne", "{n} personnes"},
	Approved:   "En service", Invited: "Invitées, pas encore venues", Pending: "En attente d’approbation",
	Unverified: "Adresse non confirmée", Inactive: "Comptes désactivés",
	Oldest: "la plus ancienne depuis le {day}", NotConnected: "Sans connexion depuis le {day}",
	Admins: "Qui gère d’autres personnes", ByPlace: "Personnes par lieu", Here: "Dans le lieu lui-même",
	Others: "Dans d’autres lieux au-dessous",
	Bar:    "En barre", SignIns: "Connexions", AsTable: "En tableau", Day: "Jour (UTC)", SignInsColumn: "Nombre",
	SomeSignIns: "Il y en a eu trop pour les compter toutes.",
	SignInsSum:  plural{"{n} connexion en 30 jours", "{n} connexions en 30 jours"},
	SignInsOn:   plural{"{day} : {n} connexion", "{day} : {n} connexions"},
}
