package console

// meWords are the texts of the pages of one's own account.
type meWords struct {
	Title, Profile, Password, Sessions, Keys string // the tabs

	FirstName, LastName, Mail, Phone, Language, Zone string
	MailHint, LanguageHint, ZoneHint                 string
	MailSent                                         string

	Old, New, Again, PasswordLead, ChangePassword string

	SessionsLead, Here, Client, Network, Began, LastUsed, EndOne, EndOthers, EndOthersLead, NoClient string

	KeysLead, NoKeys, KeyName, KeyNameHint, Expires, ExpiresHint, Place, PlaceHint, Only, OnlyHint string
	RevokeLead, RevokeKey, CopyKey                                                                 string
	MakeKey, Made, MadeLead, Revoke, Last, All, Everywhere, Unseen                                 string
}

var englishMe = meWords{
	Title: "Your account", Profile: "Profile", Password: "Password", Sessions: "Where you are signed in", Keys: "API keys",
	FirstName: "First name", LastName: "Last name", Mail: "Mail address", Phone: "Phone",
	Language: "Language", Zone: "Time zone",
	MailHint:     "Another address counts once you have followed the link that is mailed to it.",
	LanguageHint: "In which these pages and mails to you are written.",
	ZoneHint:     "Such as Europe/Paris. Times are shown in it.",
	MailSent:     "A link was mailed to the new address. Follow it, so that the address counts.",
	Old:          "Present password", New: "New password", Again: "The new password again",
	PasswordLead:   "Afterwards you are signed out everywhere, here too, and sign in with the new password.",
	ChangePassword: "Change the password",
	SessionsLead: "Each line is a browser or a program that is signed in as you. If you do not know one, end it, " +
		"and change your password.",
	Here: "This browser", Client: "Browser or program", Network: "Network", Began: "Since", LastUsed: "Last used",
	EndOne: "Sign out", EndOthers: "Sign out all others",
	EndOthersLead: "Ends every session but this one.", NoClient: "unknown",
	KeysLead: "With a key a program acts as you. Give it only what it needs; it is shown once.",
	NoKeys:   "You have no keys.", KeyName: "What it is for", KeyNameHint: "Such as: nightly backup.",
	Expires: "Ends on", ExpiresHint: "A day, such as 2027-01-31. Leave it empty for a key that does not end.",
	Place: "Only in this place", PlaceHint: "And in everything below it. Leave it empty for everywhere you reach.",
	Only:     "Only for",
	OnlyHint: "Without a tick the key may do all you may, apart from your own password, sessions and keys.",
	MakeKey:  "Make a key", Made: "Your new key", MadeLead: "Copy it now. It is not shown again.",
	RevokeLead: "Programs that use it stop at once. This cannot be undone.", RevokeKey: "Revoke this key",
	CopyKey: "Copy the key",
	Revoke:  "Revoke", Last: "Last used", All: "All you may do", Everywhere: "Everywhere you reach",
	Unseen: "A place that you do not see",
}

var frenchMe = meWords{
	Title: "Votre compte", Profile: "Profil", Password: "Mot de passe", Sessions: "Où vous êtes connecté",
	Keys:      "Clés d’API",
	FirstName: "Prénom", LastName: "Nom", Mail: "Adresse électronique", Phone: "Téléphone",
	Language: "Langue", Zone: "Fuseau horaire",
	MailHint:     "Une autre adresse compte dès que vous avez suivi le lien qui y est envoyé.",
	LanguageHint: "Celle de ces pages et des messages qui vous sont envoyés.",
	ZoneHint:     "Par exemple Europe/Paris. Les heures sont montrées ainsi.",
	MailSent:     "Un lien a été envoyé à la nouvelle adresse. Suivez-le, pour que l’adresse compte.",
	Old:          "Mot de passe actuel", New: "Nouveau mot de passe", Again: "Le nouveau mot de passe, encore une fois",
	PasswordLead: "Ensuite vous êtes déconnecté partout, ici aussi, et vous vous connectez avec le nouveau mot de " +
		"passe.",
	ChangePassword: "Changer le mot de passe",
	SessionsLead: "Chaque ligne est un navigateur ou un programme connecté en votre nom. Si vous n’en reconnaissez " +
		"pas un, déconnectez-le et changez votre mot de passe.",
	Here: "Ce navigateur", Client: "Navigateur ou programme", Network: "Réseau", Began: "Depuis",
	LastUsed: "Dernière utilisation", EndOne: "Déconnecter", EndOthers: "Déconnecter tous les autres",
	EndOthersLead: "Met fin à toutes les sessions sauf celle-ci.", NoClient: "inconnu",
	KeysLead: "Avec une clé, un programme agit en votre nom. Ne lui donnez que le nécessaire ; elle n’est montrée " +
		"qu’une fois.",
	NoKeys: "Vous n’avez pas de clé.", KeyName: "À quoi elle sert", KeyNameHint: "Par exemple : sauvegarde de nuit.",
	Expires: "Prend fin le", ExpiresHint: "Un jour, comme 2027-01-31. Laissez vide pour une clé sans fin.",
	Place:     "Seulement dans ce lieu",
	PlaceHint: "Et dans tout ce qui se trouve dessous. Laissez vide pour tout ce que vous atteignez.",
	Only:      "Seulement pour",
	OnlyHint: "Sans coche, la clé peut tout ce que vous pouvez, sauf votre mot de passe, vos sessions et vos " +
		"clés.",
	MakeKey: "Créer une clé", Made: "Votre nouvelle clé", MadeLead: "Copiez-la maintenant. Elle ne sera plus montrée.",
	RevokeLead: "Les programmes qui s’en servent s’arrêtent aussitôt. C’est irréversible.",
	RevokeKey:  "Révoquer cette clé", CopyKey: "Copier la clé",
	Revoke: "Révoquer", Last: "Dernière utilisation", All: "Tout ce que vous pouvez",
	Everywhere: "Partout où vous allez", Unseen: "Un lieu que vous ne voyez pas",
}
