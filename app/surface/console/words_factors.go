package console

// factorWords are the texts of the pages of what people prove themselves by.
type factorWords struct {
	Title, Lead, None, Demanded     string
	ProviderAlone                   string // in place of None without a password
	Coming, PasskeyComing, AddOne   string // {day}
	Name, Kind, Added, Change       string
	Code, Passkey                   string // the kinds
	AddCode, AddCodeHint            string
	AddPasskey, AddPasskeyHint      string
	NoPasskeys                      string // where the server cannot have any
	Password, Begin, Failed         string
	NoPassword                      string // in place of Password
	Anew                            string // {provider}
	Again                           string
	Remove, RemoveHint              string
	Scan, ScanLead, Type, FirstCode string
	Confirm                         string
	Recovery, Renew, RenewHint      string
	Left                            plural // {n}
	Keep, KeepLead, Kept            string
	Prove, ProveLead, AgainLead     string
	ProviderLead, Lost, OutAndIn    string
	ByPasskey, NoPasskeyHere        string
	EnterCode, EnterHint            string
	OneRecovery, OneRecoveryHint    string // in place of a code, for who has a passkey only
}

var englishFactors = factorWords{
	Title: "Sign-in",
	Lead: "What you prove beside your password. Whoever learns the password alone does not get in: programs that send " +
		"it are refused then too, so give them an API key first.",
	None: "You have added nothing yet.", ProviderAlone: "You sign in with your organization alone.",
	Demanded: "Your organization asks for more than what you sign in with. Add it to go on.",
	Coming:   "Your organization asks for a second factor from {day} on.", AddOne: "Add one",
	PasskeyComing: "Your organization asks for a passkey from {day} on.",
	Name:          "Name", Kind: "What it is", Added: "Added", Change: "Change",
	Code: "One-time codes", Passkey: "Passkey",
	AddCode: "Add one-time codes", AddCodeHint: "Of an app on your phone, six digits every half minute.",
	AddPasskey:     "Add a passkey",
	AddPasskeyHint: "Of this device, your phone or a security key. With it you sign in without a password.",
	NoPasskeys:     "Passkeys need a server with a name; this one is reached by a number. Ask whoever runs it.",
	Password:       "Your password", Begin: "Go on",
	NoPassword: "You have no password: this goes on within five minutes of your sign-in. Later, sign in again.",
	Anew:       "Sign in again at {provider}",
	Again:      "Prove what you have again",
	Failed:     "The browser did not do this. Try again, or with another device.",
	Remove:     "Remove", RemoveHint: "It counts nowhere any more, and whoever has signed in with it is signed out.",
	Scan:     "The secret as a picture",
	ScanLead: "Have the app read this picture, and enter the code that it shows then.",
	Type:     "If it cannot, type the secret there:", FirstCode: "The code that the app shows",
	Confirm: "Add it", Recovery: "Recovery codes", Renew: "Make new ones",
	RenewHint: "Those from before are good for nothing then.",
	Left:      plural{"{n} of them is good.", "{n} of them are good."},
	Keep:      "Keep these codes",
	KeepLead: "Each takes the place of a one-time code, once, when you have nothing else with you. Print them or write " +
		"them down now: they are not shown again.",
	Kept:  "I have kept them",
	Prove: "One more step", ProveLead: "Your password is right. Prove what you have besides.",
	AgainLead: "What you are about to do needs a recent sign-in.",
	ByPasskey: "Use a passkey", EnterCode: "One-time code",
	EnterHint:    "Of your app, or one of your recovery codes.",
	ProviderLead: "Your organization has let you in. Prove what you have besides.",
	Lost: "Do you have none of this any more? Whoever looks after people where you belong can take it away from you, " +
		"and you add another one.",
	OutAndIn:        "You can also sign out and sign in again.",
	NoPasskeyHere:   "This browser cannot use your passkey. Take one that can, with scripts switched on.",
	OneRecovery:     "Recovery code",
	OneRecoveryHint: "In place of your passkey: one of the codes that you kept when you added it. Each is good once.",
}

var frenchFactors = factorWords{
	Title: "Connexion",
	Lead: "Ce que vous prouvez en plus de votre mot de passe. Qui n’apprend que le mot de passe n’entre pas : les " +
		"programmes qui l’envoient sont alors refusés aussi, donnez-leur donc d’abord une clé d’API.",
	None:          "Vous n’avez encore rien ajouté.",
	ProviderAlone: "Vous vous connectez par votre organisation seulement.",
	Coming:        "Votre organisation exige un second facteur à partir du {day}.", AddOne: "L’ajouter",
	PasskeyComing: "Votre organisation exige une clé d’accès à partir du {day}.",
	Demanded:      "Votre organisation demande plus que ce avec quoi vous vous connectez. Ajoutez-le pour continuer.",
	Name:          "Nom", Kind: "Nature", Added: "Ajouté", Change: "Modifier",
	Code: "Codes à usage unique", Passkey: "Clé d’accès",
	AddCode:        "Ajouter des codes à usage unique",
	AddCodeHint:    "D’une application de votre téléphone, six chiffres chaque demi-minute.",
	AddPasskey:     "Ajouter une clé d’accès",
	AddPasskeyHint: "De cet appareil, de votre téléphone ou d’une clé de sécurité. Elle remplace le mot de passe.",
	NoPasskeys:     "Les clés d’accès veulent un serveur qui a un nom ; celui-ci n’a qu’un numéro. Voyez qui l’exploite.",
	Password:       "Votre mot de passe", Begin: "Continuer",
	NoPassword: "Vous n’avez pas de mot de passe : cela se fait dans les cinq minutes qui suivent votre connexion. " +
		"Ensuite, reconnectez-vous.",
	Anew:       "Se reconnecter par {provider}",
	Again:      "Prouver de nouveau ce que vous avez",
	Failed:     "Le navigateur ne l’a pas fait. Réessayez, ou avec un autre appareil.",
	Remove:     "Supprimer",
	RemoveHint: "Cela ne compte plus nulle part, et qui s’est connecté avec est déconnecté.",
	Scan:       "Le secret en image",
	ScanLead:   "Faites lire cette image à l’application, puis saisissez le code qu’elle montre.",
	Type:       "Si elle ne peut pas, saisissez-y le secret :", FirstCode: "Le code que montre l’application",
	Confirm: "L’ajouter", Recovery: "Codes de secours", Renew: "En créer de nouveaux",
	RenewHint: "Les précédents ne valent alors plus rien.",
	Left:      plural{"{n} est encore valable.", "{n} sont encore valables."},
	Keep:      "Conservez ces codes",
	KeepLead: "Chacun remplace une fois un code à usage unique, quand vous n’avez rien d’autre sous la main. " +
		"Imprimez-les ou notez-les maintenant : ils ne seront plus montrés.",
	Kept:  "Je les ai conservés",
	Prove: "Encore une étape", ProveLead: "Votre mot de passe est juste. Prouvez ce que vous avez en plus.",
	AgainLead: "Ce que vous allez faire demande une connexion récente.",
	ByPasskey: "Utiliser une clé d’accès", EnterCode: "Code à usage unique",
	EnterHint:    "De votre application, ou l’un de vos codes de secours.",
	ProviderLead: "Votre organisation vous a laissé entrer. Prouvez ce que vous avez en plus.",
	Lost: "Vous n’avez plus rien de cela ? Qui s’occupe des personnes de votre lieu peut vous le retirer, et vous en " +
		"ajoutez un autre.",
	OutAndIn:        "Vous pouvez aussi vous déconnecter et vous reconnecter.",
	NoPasskeyHere:   "Ce navigateur ne peut pas utiliser votre clé d’accès. Prenez-en un qui le peut, scripts activés.",
	OneRecovery:     "Code de secours",
	OneRecoveryHint: "À la place de votre clé d’accès : un des codes conservés à son ajout. Chacun sert une fois.",
}
