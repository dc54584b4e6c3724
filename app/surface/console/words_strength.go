package console

// strengthWords are the texts about how strongly people prove who they are.
type strengthWords struct {
	Factor, None, Code, Passkey string // the proofs, and what they are called together
	ChipFactor, ChipWeaker      string // {proof}
	ChipActs                    string // {role}
	ChipUsable                  string
	ChipLinked, ChipNotLinked   string
	ChipExcept                  plural
	Kind, People, Programs      string // kinds of accounts
	OldKeys, OldKeysHint        string
	By                          string // a session was proved
	Browser                     string // {browser}, {system}

	Tab, RulesLead, Rule, Own, Counts, Nothing, Change string
	MinPassword, MinPasswordWithFactor                 string
	PasswordDays, PasswordDaysField, PasswordDaysHint  string
	MinSetPassword, MinSetPasswordHint, FromAbove      string
	OfPeople, OfAdmins, OfAbove, AboveHint             string
	ProofAge, ProofAgeMinutes, ProofAgeHint            string
	Grace, GraceHint, Exempt, ExemptHint               string
	OnlyProvider, OnlyProviderHint, OutOnlyProvider    string
	BreakGlass, BreakGlassHint, NotBreakGlass          string
	Unguarded, UnguardedLead, UnguardedMore            string
	Characters, Minutes, Days                          plural
	AnnouncedUntil                                     string // {day}
	PreviewTitle, Out, OutLead, OutNobody, OutUnknown  string
	OutActs                                            string // {role}
	OutPrograms, OutNotLinked, OutNotLinkedNote        string
	Title                                              string // {place}
	Link, Proofs, Rest, AllPrograms, RulesLink         string
}

var englishStrength = strengthWords{
	Factor: "Second factor", None: "Password alone", Code: "One-time code", Passkey: "Passkey",
	ChipFactor: "At best: {proof}", ChipWeaker: "Less than: {proof}",
	ChipActs: "Acts as: {role}", ChipUsable: "Account in use", ChipLinked: "Linked with an identity provider",
	ChipNotLinked: "Not linked with an identity provider",
	ChipExcept:    plural{"Without {n} emergency account", "Without {n} emergency accounts"},
	Kind:          "Kind of account", People: "A person’s", Programs: "A program’s", OldKeys: "Programs with an old key",
	OldKeysHint: "A key is old if it was made more than a year ago, or was not used for 90 days.",
	By:          "Proved by", Browser: "{browser} on {system}",
	Tab: "Sign-in", Rule: "What is asked", Own: "Here", Counts: "With the places above",
	RulesLead: "What this place asks of people who sign in. Of this place and those above it the strictest counts.",
	Nothing:   "Nothing", Change: "Change what this place asks",
	MinPassword: "Least length of a password", MinPasswordWithFactor: "The same with a second factor",
	PasswordDays: "Password must be changed after", PasswordDaysField: "Days until a password must be changed",
	PasswordDaysHint: "0 is never, which is advised: who must change a password often chooses weaker ones " +
		"(NIST SP 800-63B-4).",
	MinSetPassword:     "Least length of a password that an administrator sets",
	MinSetPasswordHint: "0 leaves it to the server. With a number, the commonest passwords are refused too.",
	FromAbove:          "This was set from above: only who stands there or higher can ask for less.",
	OfPeople:           "Demanded of people at home here", OfAdmins: "Demanded of administrators at home here",
	OfAbove:   "Demanded of who administers from elsewhere",
	AboveHint: "Whoever proves less does not reach this place.",
	ProofAge:  "Greatest age of a proof", ProofAgeMinutes: "Greatest age of a proof, in minutes",
	ProofAgeHint: "For what is dangerous, such as giving roles, keys and deleting. 0 is as old as the session.",
	Grace:        "Not demanded until",
	GraceHint: "Until that day nobody is kept out. Whoever lacks it is told by mail: now, and 7 days and 1 day " +
		"before.",
	Exempt: "Leave out programs", ExemptHint: "Accounts of programs go on with their API keys.",
	OnlyProvider:     "Only by the organization’s identity provider",
	OnlyProviderHint: "People at home here sign in by a provider of their organization, and by nothing else.",
	OutOnlyProvider: "People at home here go on by their organization’s identity provider only, but for the accounts " +
		"that are left out: their passwords, passkeys, API keys and other sessions open nothing.",
	BreakGlass: "Emergency accounts", NotBreakGlass: "No emergency accounts",
	Unguarded: "Nobody gets in when the provider does not answer",
	UnguardedLead: "These places let people in by their identity provider only, and no emergency account of theirs " +
		"could sign in now: none is named, or it is closed, blocked, or lacks a password or the factor that is demanded.",
	UnguardedMore: "There may be more.",
	BreakGlassHint: "Login names of up to 5 accounts that get in without the provider, when it does not answer. Each " +
		"time is told to the administrators by mail.",
	Characters:     plural{"{n} character", "{n} characters"},
	Minutes:        plural{"{n} minute", "{n} minutes"},
	Days:           plural{"{n} day", "{n} days"},
	AnnouncedUntil: "What is demanded of people counts from {day} on.",
	PreviewTitle:   "What these rules would do", Out: "Who could not sign in as they do now",
	OutLead: "These people have nothing as strong as what is demanded. They must add it before they go on. They are " +
		"counted by the role they act with, their own or a group’s. Places below that ask for more keep out more, as before.",
	OutActs: "Acting as: {role}", OutPrograms: "Programs, whose keys would open nothing",
	OutNotLinked: "Not linked with an identity provider", OutNotLinkedNote: "Emergency accounts are not counted.",
	OutNobody:  "Nobody: nothing is demanded beside a password.",
	OutUnknown: "You may not list people here, so they are not counted.",
	Title:      "Strength of {place}", Link: "How strongly people sign in",
	Proofs: "The strongest proof that people have", Rest: "What to look after", AllPrograms: "Accounts of programs",
	RulesLink: "What the place asks",
}

var frenchStrength = strengthWords{
	Factor: "Second facteur", None: "Mot de passe seul", Code: "Code à usage unique", Passkey: "Clé d’accès",
	ChipFactor: "Au mieux : {proof}", ChipWeaker: "Moins que : {proof}",
	ChipActs: "Agit comme : {role}", ChipUsable: "Compte utilisable",
	ChipLinked:    "Avec un lien vers un fournisseur d’identité",
	ChipNotLinked: "Sans lien vers un fournisseur d’identité",
	ChipExcept:    plural{"Sans {n} compte de secours", "Sans {n} comptes de secours"},
	Kind:          "Type de compte", People: "D’une personne", Programs: "D’un programme",
	OldKeys:     "Programmes avec une clé ancienne",
	OldKeysHint: "Une clé est ancienne si elle a plus d’un an, ou n’a pas servi pendant 90 jours.",
	By:          "Preuve donnée", Browser: "{browser} sous {system}",
	Tab: "Connexion", Rule: "Ce qui est exigé", Own: "Ici", Counts: "Avec les lieux au-dessus",
	RulesLead: "Ce que ce lieu exige de qui se connecte. Entre ce lieu et ceux au-dessus, le plus strict compte.",
	Nothing:   "Rien", Change: "Changer ce que ce lieu exige",
	MinPassword: "Longueur minimale d’un mot de passe", MinPasswordWithFactor: "La même avec un second facteur",
	PasswordDays: "Mot de passe à changer après", PasswordDaysField: "Jours avant de devoir changer un mot de passe",
	PasswordDaysHint: "0 : jamais, comme il est conseillé : qui doit en changer souvent en choisit de plus faibles " +
		"(NIST SP 800-63B-4).",
	MinSetPassword:     "Longueur minimale d’un mot de passe défini par un administrateur",
	MinSetPasswordHint: "0 laisse le serveur décider. Avec un nombre, les plus courants sont refusés aussi.",
	FromAbove:          "Ces règles viennent d’en haut : seul quelqu’un placé là ou plus haut peut exiger moins.",
	OfPeople:           "Exigé des personnes rattachées ici", OfAdmins: "Exigé des administrateurs rattachés ici",
	OfAbove:   "Exigé de qui administre depuis ailleurs",
	AboveHint: "Qui prouve moins n’a pas accès à ce lieu.",
	ProofAge:  "Âge maximal d’une preuve", ProofAgeMinutes: "Âge maximal d’une preuve, en minutes",
	ProofAgeHint: "Pour ce qui est dangereux : donner des rôles ou des clés, supprimer. 0 vaut toute la session.",
	Grace:        "Pas exigé avant le",
	GraceHint: "Jusqu’à ce jour, personne n’est écarté. Qui ne l’a pas est prévenu par courriel : maintenant, " +
		"puis 7 jours et 1 jour avant.",
	Exempt: "Sauf les programmes", ExemptHint: "Les comptes de programmes continuent avec leurs clés d’API.",
	OnlyProvider:     "Seulement par le fournisseur d’identité de l’organisation",
	OnlyProviderHint: "Les personnes rattachées ici se connectent par un fournisseur de leur organisation, sans plus.",
	OutOnlyProvider: "Les personnes rattachées ici ne passent plus que par le fournisseur d’identité, sauf les comptes " +
		"de secours : leurs mots de passe, clés d’accès, clés d’API et autres sessions n’ouvrent plus rien.",
	BreakGlass: "Comptes de secours", NotBreakGlass: "Pas de comptes de secours",
	Unguarded: "Personne n’entre quand le fournisseur ne répond pas",
	UnguardedLead: "Ces lieux ne laissent entrer que par le fournisseur d’identité, et aucun de leurs comptes de " +
		"secours ne pourrait se connecter : aucun n’est désigné, ou est fermé, bloqué, sans mot de passe ou facteur exigé.",
	UnguardedMore: "Il y en a peut-être d’autres.",
	BreakGlassHint: "Noms de connexion d’au plus 5 comptes qui entrent sans le fournisseur, quand il ne répond pas. " +
		"Chaque fois, les administrateurs sont prévenus par courriel.",
	Characters:     plural{"{n} caractère", "{n} caractères"},
	Minutes:        plural{"{n} min", "{n} min"},
	Days:           plural{"{n} jour", "{n} jours"},
	AnnouncedUntil: "Ce qui est exigé des personnes compte à partir du {day}.",
	PreviewTitle:   "Ce que feraient ces règles", Out: "Qui ne pourrait plus se connecter comme à présent",
	OutLead: "Ces personnes n’ont rien d’aussi fort que ce qui est exigé. Elles devront l’ajouter d’abord. Elles sont " +
		"comptées par le rôle avec lequel elles agissent, le leur ou celui d’un groupe. Les lieux en dessous qui exigent " +
		"plus écartent plus de monde, comme avant.",
	OutActs: "Qui agit comme : {role}", OutPrograms: "Programmes, dont les clés n’ouvriraient plus rien",
	OutNotLinked:     "Sans lien vers un fournisseur d’identité",
	OutNotLinkedNote: "Les comptes de secours ne sont pas comptés.",
	OutNobody:        "Personne : rien n’est exigé en plus d’un mot de passe.",
	OutUnknown:       "Vous ne pouvez pas lister les personnes ici ; elles ne sont donc pas comptées.",
	Title:            "Solidité des connexions : {place}", Link: "Solidité des connexions",
	Proofs: "La preuve la plus forte de chacun", Rest: "Ce dont il faut s’occuper", AllPrograms: "Comptes de programmes",
	RulesLink: "Ce que le lieu exige",
}
