package console

// plural is a text about a number of things: {n}.
type plural struct{ One, Other string }

// shellWords are the texts around every page of somebody who is signed in.
type shellWords struct {
	Skip, Areas, SignOut, Way, Pages, First, Next string

	Home, Tree, People, Groups, Why, Audit, Import string

	Theme, ThemeSystem, ThemeLight, ThemeDark string

	Mistake, Optional            string
	Save, Cancel, Yes, No, Never string
	Copied                       string
	Loading                      string
	Failed, Absent, AbsentText   string
	Refused, Stale, Back         string
	BreakGlass                   string // somebody came in by an emergency account
}

// saidWords say what was done.
type saidWords struct {
	Saved, Made, Deleted, Ended, Sent, Undone string
	Bulk                                      plural
}

// signInWords are the texts of the page to sign in.
type signInWords struct {
	Title, Password, Button, Forgot string
	ByPasskey                       string
	Wrong, Expired, Nowhere, Ended  string
	// Company is for those who have their account at an identity provider, Continue leads there.
	Company, Continue, NoProvider, AddressFirst string
}

// forgotWords are the texts of the page of a forgotten password.
type forgotWords struct{ Title, Lead, Name, Required, Button, Sent, Back string }

var englishShell = shellWords{
	Skip: "Skip to the content", Areas: "Areas", SignOut: "Sign out", Way: "Where this is", Pages: "Pages of the list",
	First: "Back to the beginning", Next: "Next page",
	Home: "Overview", Tree: "Places", People: "People", Groups: "Groups", Why: "Why?", Audit: "History", Import: "Import",
	Theme: "Colours", ThemeSystem: "As the system", ThemeLight: "Light", ThemeDark: "Dark",
	Mistake: "This was not saved.", Optional: "(optional)",
	Save: "Save", Cancel: "Cancel", Yes: "Yes", No: "No", Never: "Never", Copied: "Copied.", Loading: "Loading",
	BreakGlass: "You came in by an emergency account. This was noted, and the administrators were told.",
	Failed:     "This did not work", Absent: "This is not there",
	AbsentText: "It does not exist, or it is not yours to see. It may have been deleted or moved a moment ago.",
	Refused:    "You may not do this",
	Stale:      "This form is too old. Go back, load the page again, and repeat what you did.",
	Back:       "Back to the overview",
}

var frenchShell = shellWords{
	Skip: "Aller au contenu", Areas: "Rubriques", SignOut: "Se déconnecter", Way: "Où l’on est",
	Pages: "Pages de la liste", First: "Revenir au début", Next: "Page suivante",
	Home: "Vue d’ensemble", Tree: "Lieux", People: "Personnes", Groups: "Groupes", Why: "Pourquoi ?", Audit: "Historique",
	Import: "Importer",
	Theme:  "Couleurs", ThemeSystem: "Comme le système", ThemeLight: "Clair", ThemeDark: "Sombre",
	Mistake: "Rien n’a été enregistré.", Optional: "(facultatif)",
	Save: "Enregistrer", Cancel: "Annuler", Yes: "Oui", No: "Non", Never: "Jamais", Copied: "Copié.",
	Loading: "Chargement",
	BreakGlass: "Cette connexion est celle d’un compte de secours. Elle est consignée, et les administrateurs en " +
		"sont prévenus.",
	Failed: "Cela n’a pas fonctionné", Absent: "Ceci n’existe pas",
	AbsentText: "Cela n’existe pas, ou vous n’avez pas à le voir. C’était peut-être supprimé ou déplacé à l’instant.",
	Refused:    "Vous ne pouvez pas faire cela",
	Stale:      "Ce formulaire est trop ancien. Revenez en arrière, rechargez la page et recommencez.",
	Back:       "Revenir à la vue d’ensemble",
}

var englishSaid = saidWords{Saved: "Saved.", Made: "Created.", Deleted: "Deleted.", Ended: "Signed out there.",
	Sent: "Sent.", Undone: "That was not done yet, as you had to sign in first. You can do it now.",
	Bulk: plural{"{n} person was changed.", "{n} people were changed."}}

var frenchSaid = saidWords{Saved: "Enregistré.", Made: "Créé.", Deleted: "Supprimé.", Ended: "Déconnecté là-bas.",
	Sent: "Envoyé.", Undone: "Ce n’est pas encore fait, car il fallait d’abord vous connecter. Faites-le maintenant.",
	Bulk: plural{"{n} personne a été changée.", "{n} personnes ont été changées."}}

var englishSignIn = signInWords{
	Title: "Sign in", Password: "Password", Button: "Sign in", Forgot: "Forgotten your password?",
	ByPasskey: "Sign in with a passkey",
	Wrong:     "The login name or the password is wrong. Check both, and try again.",
	Expired:   "Your password must be changed first. Choose another one below.",
	Nowhere:   "No place is open to you at present. Ask your administrator for help.",
	Ended:     "You are signed out. Sign in again to go on where you were.",
	Company:   "Sign in with my organization", Continue: "Continue with {provider}",
	NoProvider: "This is no mail address whose organization signs people in here. Sign in with your password, or at " +
		"the address that your administrator gives you.",
	AddressFirst: "Enter your mail address first; it says which organization is yours.",
}

var frenchSignIn = signInWords{
	Title: "Se connecter", Password: "Mot de passe", Button: "Se connecter", Forgot: "Mot de passe oublié ?",
	ByPasskey: "Se connecter avec une clé d’accès",
	Wrong:     "L’identifiant ou le mot de passe est faux. Vérifiez les deux, puis réessayez.",
	Expired:   "Votre mot de passe doit d’abord être changé. Choisissez-en un autre ci-dessous.",
	Nowhere:   "Aucun lieu ne vous est ouvert en ce moment. Demandez de l’aide à votre administrateur.",
	Ended:     "Vous êtes déconnecté. Connectez-vous de nouveau pour reprendre où vous en étiez.",
	Company:   "Se connecter avec mon organisation", Continue: "Continuer avec {provider}",
	NoProvider: "Ce n’est pas une adresse dont l’organisation connecte des personnes ici. Utilisez votre mot de passe, " +
		"ou l’adresse que votre administrateur vous donne.",
	AddressFirst: "Saisissez d’abord votre adresse électronique : elle dit quelle est votre organisation.",
}

var englishForgot = forgotWords{
	Title: "Forgotten password",
	Lead:  "Enter your login name or your mail address. If there is an account, a link for another password is mailed.",
	Name:  "Login name or mail address", Required: "Enter your login name or your mail address.", Button: "Send the link",
	Sent: "If there is such an account and it has a mail address, a link is on its way. It works for an hour.",
	Back: "Back to signing in",
}

var frenchForgot = forgotWords{
	Title: "Mot de passe oublié",
	Lead: "Saisissez votre identifiant ou votre adresse électronique. S’il existe un compte, un lien pour un autre mot " +
		"de passe est envoyé.",
	Name: "Identifiant ou adresse électronique", Required: "Saisissez votre identifiant ou votre adresse électronique.",
	Button: "Envoyer le lien",
	Sent:   "Si ce compte existe et a une adresse, un lien est en route. Il fonctionne pendant une heure.",
	Back:   "Revenir à la connexion",
}
