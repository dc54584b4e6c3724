package console

// providerWords are the texts of the pages of identity providers, and of who is linked with whom at them.
type providerWords struct {
	Tab, Lead, None, New, Create, State, On, Off        string
	Name, NameHint, Issuer, IssuerHint, Subject, Made   string
	ClientID, ClientIDHint, ClientSecret                string
	SecretHint, SecretKept, NoSecret                    string
	Scopes, ScopesHint, Domains, DomainsHint            string
	Enabled, Trusts, TrustsHint                         string
	Return, ReturnHint, Entrance, EntranceHint, Copy    string
	NewcomersTitle, Newcomers, NewcomersHint            string
	Nobody, Placed, Everybody                           string // the kinds of newcomers
	Rules, RulesHint, NoRules, Add                      string
	Rule                                                string // {n}
	Claim, Value, Place, Group, Up, Down, TakeOut       string
	Whom, All                                           string
	Has                                                 string // {claim}, {value}
	Try, TryButton, Claims, ClaimsHint                  string
	Landing, Refused, RefusedAll, RefusedNone, ByNone   string
	ByRule, RefusedBy                                   string // {n}
	Domain, DomainsLead, Record, RecordText             string
	Prove, Proved, Proven, Unproven                     string
	Remove, RemoveLead                                  string
	RemoveOf                                            string // {provider}
	Links, LinksLead, NoLinks, Known, Since, By, Unlink string
	ByPerson, ByAdmin, ByFirst, ByDomain                string
	Link, LinkLead, Provider, LinkButton                string
	GoTitle, GoLead, Go                                 string // {provider}
	Linked, PersonNoLinks, PersonLead                   string
	ByHand, ByHandLead, ByHandButton, SubjectHint       string
	NotYours                                            string // {role}
}

var englishProviders = providerWords{
	Tab: "Identity providers",
	Lead: "By an identity provider (OpenID Connect) people sign in with the account they have at their company. It " +
		"signs in accounts of this organization, and no others.",
	None: "This organization has no identity provider.", New: "Set up a provider", Create: "Set it up",
	State: "State", On: "In use", Off: "Switched off",
	Name: "Name", NameHint: "As people see it when they sign in.",
	Issuer: "Issuer", IssuerHint: "Its address, such as https://login.example.org. It cannot be changed later.",
	Subject: "Claim that says who somebody is", Made: "Set up",
	ClientID: "Client ID", ClientIDHint: "What the provider calls this server.",
	ClientSecret: "Client secret", SecretHint: "It is never shown again, here neither: type it before you save.",
	SecretKept: "It is never shown. Leave it empty to keep the one that there is.",
	NoSecret:   "There is none (a public client)",
	Scopes:     "Scopes", ScopesHint: "What to ask for besides openid, with spaces between.",
	Domains:     "Mail domains",
	DomainsHint: "Such as example.org. Whoever types an address of one is led here, once it is proved.",
	Enabled:     "People can sign in by it", Trusts: "Trust what it says of second factors",
	TrustsHint: "Whoever proved a second factor there has proved one here.",
	Entrance:   "Address to sign in at", EntranceHint: "Give it to people; it leads them to this provider.",
	Return: "Return address", ReturnHint: "Enter this at the provider as redirect URI, and for back-channel logout.",
	Copy:           "Copy the address",
	NewcomersTitle: "Who signs in for the first time", Newcomers: "For whom an account is made",
	NewcomersHint: "Whoever is linked with an account goes to that one; nobody is linked by a mail address.",
	Nobody:        "For nobody", Placed: "For whom a rule fits",
	Everybody: "For everybody: without a rule as a user of the organization",
	Rules:     "Where new accounts land",
	RulesHint: "The first rule that fits decides. One without a claim fits everybody: put it last, as what holds " +
		"otherwise. You cannot give more than you have.",
	NoRules: "There are no rules.", Add: "Add a rule",
	Rule:  "Rule {n}",
	Claim: "Claim", Value: "Is", Place: "Place", Group: "Group", Up: "Up", Down: "Down", TakeOut: "Take out",
	Whom: "Who", All: "Everybody", Has: "{claim} is {value}",
	Try: "Try the rules", TryButton: "Show where they land", Claims: "What the provider says of somebody",
	ClaimsHint: "One claim on each line, such as department = Berlin, or an object of JSON. Nothing is saved by it.",
	Landing:    "Where they would land", Refused: "No account would be made for them.",
	RefusedAll: "Accounts are made for nobody.", RefusedNone: "No rule fits.",
	ByNone: "No rule fits: they become a user of the organization.", ByRule: "Rule {n} fits.",
	RefusedBy: "Rule {n} fits, and gives more than whoever wrote it had, or its place is closed.",
	Domain:    "Domain", Record: "Name of the TXT record", RecordText: "What it must say", Prove: "Look in DNS now",
	DomainsLead: "A domain leads people to its provider once DNS shows that it is the organization’s: set this record " +
		"there and have it looked for.",
	Proved: "The domain is proved.", Proven: "Proved", Unproven: "Not proved",
	Remove: "Remove the provider", RemoveOf: "Remove {provider}",
	RemoveLead: "Nobody signs in by it any more. Its sessions end and its links go; accounts stay, and whoever has no " +
		"password has one mailed to them. Who comes by a provider again later is new, also with the same issuer.",
	Links: "Accounts at identity providers",
	LinksLead: "With each of these you sign in as yourself. Whoever gets at one gets in here, so keep only those you " +
		"use.",
	NoLinks: "You are linked with nobody at an identity provider.", Known: "Known there as", Since: "Since",
	By: "How", Unlink: "Unlink", ByPerson: "Linked by themselves", ByAdmin: "Linked by an administrator",
	ByFirst: "The account was made for them", ByDomain: "By their address, whose domain is proved",
	Link: "Link another account", LinkLead: "You go to the provider, sign in there, and come back.",
	Provider: "Provider", LinkButton: "Go on",
	GoTitle: "On to {provider}", GoLead: "Sign in at {provider} with the account to link. It takes ten minutes at most.",
	Go: "Continue with {provider}", Linked: "The account is linked.",
	PersonNoLinks: "They are linked with nobody at an identity provider.",
	PersonLead:    "With these they sign in. Unlinking ends the sessions begun by it.",
	ByHand:        "Link them by hand", ByHandButton: "Link",
	ByHandLead: "Who is this at the provider gets in to the account from then on. The person is told by mail.",
	SubjectHint: "Exactly as the provider says it in the claim sub and nowhere else: no mail address. Of Entra it is " +
		"the tenant’s and the person’s object ID with a slash between them.",
	NotYours: "To set up a provider, change it or have a domain proved takes the role “{role}”: ask somebody who has " +
		"it. You see here what there is.",
}

var frenchProviders = providerWords{
	Tab: "Fournisseurs d’identité",
	Lead: "Avec un fournisseur d’identité (OpenID Connect), les personnes se connectent par leur compte d’entreprise. " +
		"Il ne connecte que des comptes de cette organisation.",
	None: "Cette organisation n’a pas de fournisseur d’identité.", New: "Installer un fournisseur", Create: "L’installer",
	State: "État", On: "En service", Off: "Désactivé",
	Name: "Nom", NameHint: "Tel que les personnes le voient en se connectant.",
	Issuer: "Émetteur", IssuerHint: "Son adresse, par exemple https://login.example.org. Elle ne change plus ensuite.",
	Subject: "Attribut qui dit qui est la personne", Made: "Installé",
	ClientID: "Identifiant client", ClientIDHint: "Ce serveur, tel que le fournisseur l’appelle.",
	ClientSecret: "Secret client",
	SecretHint:   "Il n’est plus jamais montré, ici non plus : saisissez-le avant d’enregistrer.",
	SecretKept:   "Il n’est jamais montré. Laissez vide pour garder l’actuel.",
	NoSecret:     "Il n’y en a pas (client public)",
	Scopes:       "Portées", ScopesHint: "Ce qui est demandé en plus d’openid, séparé par des espaces.",
	Domains:     "Domaines de courriel",
	DomainsHint: "Par exemple example.org. Qui saisit une telle adresse est mené ici, une fois prouvé.",
	Enabled:     "On peut se connecter par lui", Trusts: "Croire ce qu’il dit des seconds facteurs",
	TrustsHint: "Qui a prouvé un second facteur là-bas en a prouvé un ici.",
	Entrance:   "Adresse de connexion", EntranceHint: "À donner aux personnes : elle les mène chez ce fournisseur.",
	Return:     "Adresse de retour",
	ReturnHint: "À saisir chez le fournisseur comme URI de redirection, et pour la déconnexion par canal arrière.",
	Copy:       "Copier l’adresse",

	NewcomersTitle: "Qui se connecte pour la première fois", Newcomers: "Pour qui un compte est créé",
	NewcomersHint: "Qui est lié à un compte arrive à celui-ci ; personne n’est lié par une adresse électronique.",
	Nobody:        "Pour personne", Placed: "Pour qui une règle convient",
	Everybody: "Pour tous : sans règle, comme utilisateur de l’organisation",
	Rules:     "Où arrivent les nouveaux comptes",
	RulesHint: "La première règle qui convient décide. Sans attribut, une règle vaut pour tous : mettez-la en dernier, " +
		"pour les autres cas. On ne peut donner plus que ce qu’on a.",
	NoRules: "Il n’y a pas de règle.", Add: "Ajouter une règle",
	Rule:  "Règle {n}",
	Claim: "Attribut", Value: "Vaut", Place: "Lieu", Group: "Groupe", Up: "Monter", Down: "Descendre", TakeOut: "Retirer",
	Whom: "Qui", All: "Tout le monde", Has: "{claim} vaut {value}",
	Try: "Essayer les règles", TryButton: "Montrer où l’on arrive", Claims: "Ce que le fournisseur dit de quelqu’un",
	ClaimsHint: "Un attribut par ligne, par exemple department = Berlin, ou un objet JSON. Rien n’est enregistré ainsi.",
	Landing:    "Où cette personne arriverait", Refused: "Aucun compte ne serait créé pour elle.",
	RefusedAll: "Aucun compte n’est créé pour personne.", RefusedNone: "Aucune règle ne convient.",
	ByNone: "Aucune règle ne convient : elle devient utilisatrice de l’organisation.", ByRule: "La règle {n} convient.",
	RefusedBy: "La règle {n} convient, mais donne plus que n’avait qui l’a écrite, ou son lieu est fermé.",
	Domain:    "Domaine", Record: "Nom de l’enregistrement TXT", RecordText: "Ce qu’il doit dire",
	Prove: "Consulter le DNS",
	DomainsLead: "Un domaine mène à son fournisseur dès que le DNS montre qu’il est à l’organisation : mettez-y cet " +
		"enregistrement, puis faites-le chercher.",
	Proved: "Le domaine est prouvé.", Proven: "Prouvé", Unproven: "Pas prouvé",
	Remove: "Supprimer le fournisseur", RemoveOf: "Supprimer {provider}",
	RemoveLead: "Plus personne ne se connecte par lui. Ses sessions prennent fin, ses liens disparaissent ; les " +
		"comptes restent. Qui n’a pas de mot de passe s’en fait envoyer un. Qui revient plus tard par un fournisseur est " +
		"nouveau, même avec le même émetteur.",
	Links: "Comptes chez les fournisseurs d’identité",
	LinksLead: "Avec chacun d’eux, vous vous connectez sous votre nom. Qui s’empare de l’un entre ici : ne gardez que " +
		"ceux qui vous servent.",
	NoLinks: "Vous n’êtes lié à personne chez un fournisseur d’identité.", Known: "Connu là-bas comme", Since: "Depuis",
	By: "Comment", Unlink: "Délier", ByPerson: "Lié par la personne", ByAdmin: "Lié par un administrateur",
	ByFirst: "Le compte a été créé ainsi", ByDomain: "Par leur adresse, dont le domaine est prouvé",
	Link: "Lier un autre compte", LinkLead: "Vous allez chez le fournisseur, vous y connectez, et revenez.",
	Provider: "Fournisseur", LinkButton: "Continuer",
	GoTitle: "Vers {provider}",
	GoLead:  "Connectez-vous chez {provider} avec le compte à lier. Vous avez dix minutes.",
	Go:      "Continuer avec {provider}", Linked: "Le compte est lié.",
	PersonNoLinks: "Cette personne n’est liée à personne chez un fournisseur d’identité.",
	PersonLead:    "Elle se connecte avec ceux-ci. Délier met fin aux sessions ainsi commencées.",
	ByHand:        "La lier à la main", ByHandButton: "Lier",
	ByHandLead: "Qui est cela chez le fournisseur entre dès lors dans le compte. La personne en est avertie par message.",
	SubjectHint: "Exactement comme le fournisseur le dit dans la revendication sub, et nulle part ailleurs : pas " +
		"d’adresse électronique. Pour Entra : les identifiants d’objet du locataire et de la personne, séparés par une " +
		"barre.",
	NotYours: "Installer un fournisseur, le modifier ou faire prouver un domaine demande le rôle « {role} » : " +
		"adressez-vous à qui l’a. Vous voyez ici ce qu’il y a.",
}
