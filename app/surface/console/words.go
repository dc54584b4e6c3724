package console

import (
	"strings"

	"golang.org/x/text/language"

	"canopy/domain"
)

// words are the texts of the pages in one language. A text in braces is a place where something is
// put in; sentences are whole, since languages order their parts differently.
type words struct {
	Language, Name   string // of the texts, and what the language calls itself
	Other, OtherName string // the same of the other language

	Accept, Reset, Verify, Mail, Begin pageWords

	MailAddress, Login, Password, Again string
	Current, Wrong                      string // of the password that the account has
	PasswordHint                        string // {least}
	PasswordAdvice                      string // {enough}
	Meter                               meterWords
	Required                            string
	Different                           string
	Error                               string // begins the title of a page that shows a mistake: {title}

	Accepted, Changed, Verified, Waiting, Mailed, Moved, Begun doneWords

	SpentTitle, Spent, SpentNext string
	AbsentTitle, Absent          string
	TooMany                      string // {minutes}
	TooManyOne                   string
	Taken                        string
	Busy                         string
	Failed                       string
	Refusal                      string // what is said where a sentence is known in another language only
	FailedTitle                  string

	Belongs string // {site}

	Docs string

	Thousands string // between the digits of large numbers
	NoneIsOne bool   // none of a thing is written like one of it
	Months    [12]string

	Shell   shellWords
	Said    saidWords
	SignIn  signInWords
	Forgot  forgotWords
	Me      meWords
	Factors factorWords
	Audit   auditWords
	Import  importWords

	Areas       [permissionAreas]string // what permissions are about
	Permissions map[domain.Permission]permissionText
	Roles       roleWords
	Find        findWords
	Preview     previewWords
	Places      placesWords
	People      peopleWords
	Person      personWords
	Invite      inviteWords
	Program     programWords
	Groups      groupWords
	Why         whyWords
	Overview    overviewWords
	Strength    strengthWords
	Providers   providerWords
}

// pageWords are the texts of a page with a form.
type pageWords struct {
	Title  string
	Lead   string // {site}
	Button string
	Note   string
}

// meterWords say how hard a password is to guess, the easiest first.
type meterWords struct {
	Label  string
	Levels [5]string
}

// doneWords are the texts of the page after a form that worked.
type doneWords struct{ Title, Text, Next string }

var english = words{
	Language: "en", Name: "English", Other: "fr", OtherName: "Français",
	Accept: pageWords{
		Title:  "Open your account",
		Lead:   "An account was made for you at {site}. Choose a password of your own to open it.",
		Button: "Open the account",
		Note:   "If you do not want the account, close this page. Nothing happens before you press the button.",
	},
	Reset: pageWords{
		Title:  "Choose another password",
		Lead:   "Somebody asked for another password for your account at {site}. If it was you, choose it here.",
		Button: "Change the password",
		Note:   "If it was not you, close this page; your password stays. Nothing happens before you press the button.",
	},
	Verify: pageWords{
		Title: "Confirm your mail address",
		Lead: "Somebody asked for an account at {site} with this mail address. If it was you, confirm that the address " +
			"is yours.",
		Button: "Confirm the address",
		Note:   "If it was not you, close this page; no account is opened. Nothing happens before you press the button.",
	},
	Mail: pageWords{
		Title: "Confirm your new mail address",
		Lead: "The address at which you got this link is to be the mail address of an account at {site}. If you asked " +
			"for it, confirm it with the password of the account.",
		Button: "Confirm the address",
		Note: "If you did not ask for it, close this page; the account keeps its address. Nothing happens before you " +
			"press the button.",
	},
	Begin: pageWords{
		Title: "Get your password",
		Lead: "Somebody asked for an account, or for another password, at {site} under your login name. If it was you, " +
			"have a password made here.",
		Button: "Make the password",
		Note:   "If it was not you, close this page; everything stays as it is. Nothing happens before you press the button.",
	},
	MailAddress: "Mail address", Login: "Login name", Password: "New password", Again: "The same password again",
	Current: "Password of the account", Wrong: "This is not the password of the account.",
	PasswordHint: "At least {least} characters: several words that you use nowhere else, and none of your names. " +
		"Pasting it from a password manager works.",
	PasswordAdvice: "Take {enough} characters or more: several words that you use nowhere else, and none of your names. " +
		"Pasting it from a password manager works.",
	Meter: meterWords{"How hard this password is to guess",
		[5]string{"Too short", "Easy to guess", "Could be longer", "Hard to guess", "Very hard to guess"}},
	Required:  "Enter a password.",
	Different: "This is not the same as the password above. Enter both again.",
	Error:     "Mistake: {title}",
	Accepted: doneWords{"Your account is open", "You have chosen your password.",
		"Sign in now in the application for which you were invited, with your login name from the mail and the new " +
			"password."},
	Changed: doneWords{"Your password was changed", "You were signed out everywhere.",
		"Sign in again in the application for which you have the account, with your login name and the new password."},
	Verified: doneWords{"Your account is open", "Your mail address is confirmed.",
		"Sign in now in the application in which you registered, with the login name and the password that you chose there."},
	Waiting: doneWords{"Your mail address is confirmed", "An administrator still has to approve your account.",
		"There is nothing more for you to do. You will get a mail as soon as your account is open."},
	Mailed: doneWords{"Your mail address is confirmed", "A password was mailed to you.",
		"Take the password from the mail. When you sign in with it for the first time, you are asked to choose another one."},
	Moved: doneWords{"Your mail address was changed", "Mail about your account comes to the new address from now on.",
		"There is nothing more for you to do. Sign in as before."},
	Begun: doneWords{"Your password was made", "It is shown only now. Copy it, and keep it in a safe place.",
		"Sign in with it, and with your login name, in the application for which you have the account."},
	SpentTitle: "This link does not work",
	Spent:      "It may have been used already, it may be too old, or a part of it may be missing.",
	SpentNext: "Ask for another link in the application from which you got this one. For an invitation, ask who " +
		"invited you.",
	AbsentTitle: "There is no such page",
	Absent:      "Check its address. If it is from a mail, follow the link again, the whole of it.",
	TooMany:     "There were too many attempts. Wait {minutes} minutes, and press the button again.",
	TooManyOne:  "There were too many attempts. Wait a minute, and press the button again.",
	Taken:       "This mail address belongs to another account. Ask an administrator for help.",
	Busy:        "The server is busy. Wait a moment, and press the button again.",
	Refusal:     "This was refused. Check what you entered, or ask an administrator for help.",
	Failed:      "This did not work, and nothing was changed. Try again later, or ask an administrator for help.",
	FailedTitle: "This did not work",
	Belongs:     "This page belongs to {site}.",
	Docs:        "For developers: descriptions of the APIs",
	Thousands:   ",",
	Months:      [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
	Shell:       englishShell, Said: englishSaid, SignIn: englishSignIn, Forgot: englishForgot, Me: englishMe,
	Factors: englishFactors,
	Areas:   englishAreas, Permissions: englishPermissions, Roles: englishRoles, Groups: englishGroups, Why: englishWhy,
	Find: englishFind, Preview: englishPreview,
	Audit: englishAudit, Import: englishImport,
	People: englishPeople, Person: englishPerson, Invite: englishInvite, Program: englishProgram,
	Places: englishPlaces, Overview: englishOverview, Strength: englishStrength,
	Providers: englishProviders,
}

var french = words{
	Language: "fr", Name: "Français", Other: "en", OtherName: "English",
	Accept: pageWords{
		Title:  "Ouvrez votre compte",
		Lead:   "Un compte a été préparé pour vous sur {site}. Choisissez votre mot de passe pour l’ouvrir.",
		Button: "Ouvrir le compte",
		Note: "Si vous ne voulez pas de ce compte, fermez cette page. Rien ne se passe avant que vous n’appuyiez sur " +
			"le bouton.",
	},
	Reset: pageWords{
		Title:  "Choisissez un autre mot de passe",
		Lead:   "Quelqu’un a demandé un autre mot de passe pour votre compte sur {site}. Si c’était vous, choisissez-le ici.",
		Button: "Changer le mot de passe",
		Note: "Sinon, fermez cette page ; votre mot de passe reste le même. Rien ne se passe avant que vous " +
			"n’appuyiez sur le bouton.",
	},
	Verify: pageWords{
		Title: "Confirmez votre adresse",
		Lead: "Quelqu’un a demandé un compte sur {site} avec cette adresse. Si c’était vous, confirmez que " +
			"l’adresse est la vôtre.",
		Button: "Confirmer l’adresse",
		Note: "Sinon, fermez cette page ; aucun compte ne sera ouvert. Rien ne se passe avant que vous n’appuyiez sur " +
			"le bouton.",
	},
	Mail: pageWords{
		Title: "Confirmez votre nouvelle adresse",
		Lead: "L’adresse à laquelle vous avez reçu ce lien doit devenir celle d’un compte sur {site}. Si vous " +
			"l’avez demandé, confirmez-la avec le mot de passe du compte.",
		Button: "Confirmer l’adresse",
		Note: "Sinon, fermez cette page ; le compte garde son adresse. Rien ne se passe avant que vous n’appuyiez sur " +
			"le bouton.",
	},
	Begin: pageWords{
		Title: "Obtenez votre mot de passe",
		Lead: "Quelqu’un a demandé un compte, ou un autre mot de passe, sur {site} sous votre identifiant. Si " +
			"c’était vous, faites créer un mot de passe ici.",
		Button: "Créer le mot de passe",
		Note: "Sinon, fermez cette page ; tout reste comme avant. Rien ne se passe avant que vous n’appuyiez sur le " +
			"bouton.",
	},
	MailAddress: "Adresse électronique", Login: "Identifiant", Password: "Nouveau mot de passe",
	Again:   "Le même mot de passe, encore une fois",
	Current: "Mot de passe du compte", Wrong: "Ce n’est pas le mot de passe du compte.",
	PasswordHint: "Au moins {least} caractères : plusieurs mots que vous n’utilisez nulle part ailleurs, et aucun de " +
		"vos noms. Vous pouvez le coller depuis un gestionnaire de mots de passe.",
	PasswordAdvice: "Prenez {enough} caractères ou plus : plusieurs mots que vous n’utilisez nulle part ailleurs, et " +
		"aucun de vos noms. Vous pouvez le coller depuis un gestionnaire de mots de passe.",
	Meter: meterWords{"Difficulté à deviner ce mot de passe",
		[5]string{"Trop court", "Facile à deviner", "Pourrait être plus long", "Difficile à deviner",
			"Très difficile à deviner"}},
	Required:  "Saisissez un mot de passe.",
	Different: "Ce n’est pas le même mot de passe que ci-dessus. Saisissez les deux à nouveau.",
	Error:     "Erreur : {title}",
	Accepted: doneWords{"Votre compte est ouvert", "Vous avez choisi votre mot de passe.",
		"Connectez-vous maintenant à l’application pour laquelle vous avez été invité, avec l’identifiant du " +
			"message et le nouveau mot de passe."},
	Changed: doneWords{"Votre mot de passe a été changé", "Vous avez été déconnecté partout.",
		"Connectez-vous de nouveau à l’application pour laquelle vous avez ce compte, avec votre identifiant et le " +
			"nouveau mot de passe."},
	Verified: doneWords{"Votre compte est ouvert", "Votre adresse est confirmée.",
		"Connectez-vous maintenant à l’application où vous vous êtes inscrit, avec l’identifiant et le mot de " +
			"passe que vous y avez choisis."},
	Waiting: doneWords{"Votre adresse est confirmée", "Un administrateur doit encore accepter votre compte.",
		"Vous n’avez rien d’autre à faire. Vous recevrez un message dès que votre compte sera ouvert."},
	Mailed: doneWords{"Votre adresse est confirmée", "Un mot de passe vous a été envoyé.",
		"Prenez le mot de passe dans le message. À la première connexion, il vous sera demandé d’en choisir un autre."},
	Moved: doneWords{"Votre adresse a été changée",
		"Les messages concernant votre compte arrivent désormais à la nouvelle adresse.",
		"Vous n’avez rien d’autre à faire. Connectez-vous comme avant."},
	Begun: doneWords{"Votre mot de passe est créé", "Il n’est montré que maintenant. Copiez-le, et gardez-le en lieu sûr.",
		"Connectez-vous avec lui et votre identifiant à l’application pour laquelle vous avez ce compte."},
	SpentTitle: "Ce lien ne fonctionne pas",
	Spent:      "Il a peut-être déjà servi, il est peut-être trop ancien, ou il en manque une partie.",
	SpentNext: "Demandez un autre lien dans l’application d’où vient celui-ci. Pour une invitation, demandez à " +
		"qui vous a invité.",
	AbsentTitle: "Cette page n’existe pas",
	Absent:      "Vérifiez son adresse. Si elle vient d’un message, suivez de nouveau le lien, en entier.",
	TooMany:     "Il y a eu trop de tentatives. Attendez {minutes} minutes, puis appuyez de nouveau sur le bouton.",
	TooManyOne:  "Il y a eu trop de tentatives. Attendez une minute, puis appuyez de nouveau sur le bouton.",
	Taken:       "Cette adresse est celle d’un autre compte. Demandez de l’aide à un administrateur.",
	Busy:        "Le serveur est très occupé. Attendez un instant, puis appuyez de nouveau sur le bouton.",
	Refusal:     "Ceci a été refusé. Vérifiez ce que vous avez saisi, ou demandez de l’aide à un administrateur.",
	Failed: "Cela n’a pas fonctionné, et rien n’a été changé. Réessayez plus tard, ou demandez de " +
		"l’aide à un administrateur.", FailedTitle: "Cela n’a pas fonctionné",
	Belongs:   "Cette page appartient à {site}.",
	Docs:      "Pour les développeurs : descriptions des API",
	Thousands: "\u202f", NoneIsOne: true,
	Months: [12]string{"janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."},
	Shell:  frenchShell, Said: frenchSaid, SignIn: frenchSignIn, Forgot: frenchForgot, Me: frenchMe,
	Factors: frenchFactors,
	Areas:   frenchAreas, Permissions: frenchPermissions, Roles: frenchRoles, Groups: frenchGroups, Why: frenchWhy,
	Find: frenchFind, Preview: frenchPreview,
	Audit: frenchAudit, Import: frenchImport,
	People: frenchPeople, Person: frenchPerson, Invite: frenchInvite, Program: frenchProgram,
	Places: frenchPlaces, Overview: frenchOverview, Strength: frenchStrength,
	Providers: frenchProviders,
}

// catalogue lists the languages; the first is for everybody else.
var catalogue = []*words{&english, &french}

var matcher = language.NewMatcher([]language.Tag{language.English, language.French})

// choose returns the texts for who wants one of these languages, each a tag or a list as of
// Accept-Language, the first choice first.
func choose(wanted ...string) *words {
	_, i := language.MatchStrings(matcher, wanted...)
	return catalogue[i]
}

// fill puts a value into its place of a text.
func fill(text, place, value string) string { return strings.ReplaceAll(text, "{"+place+"}", value) }
