package console

// previewWords are the texts of what a change would do.
type previewWords struct {
	Lead, Moved, Nobody, LeftOut     string
	Gaining, Losing, Sessions        plural
	People, First, MorePlaces        plural
	Changes                          string
	Places, Where, Who, Gained, Lost string
	Own                              string
	Whole, Alone, Below, Within      string // {place}
	Count                            string // {permission}, {n}
	Back                             string
	Preview                          string // the button of a form
	Warnings                         warningWords
}

// warningWords are what should be known before.
type warningWords struct {
	NoAdmin, SuperUsersOnly, NotByYou, ForGood, Emergency string
	NoAdminOf                                             string // {place}
}

var englishPreview = previewWords{
	Lead:     "Nothing has been changed yet. This is what would happen:",
	Moved:    "The directory has changed since you looked, so nothing was done. Look again at what would happen now.",
	Nobody:   "Nobody gains or loses any permission.",
	LeftOut:  "Others outside your reach may be concerned too. They are not counted here.",
	Gaining:  plural{"{n} person gains something.", "{n} people gain something."},
	Losing:   plural{"{n} person loses something.", "{n} people lose something."},
	Sessions: plural{"{n} session ends at once.", "{n} sessions end at once."},
	People:   plural{"{n} person concerned", "{n} people concerned"},
	First:    plural{"Only the first is listed.", "Only the first {n} are listed."},
	MorePlaces: plural{"And at {n} more place, which is not listed.",
		"And at {n} more places, which are not listed."},
	Changes: "Before and after", Places: "By place", Where: "Where", Who: "Who", Gained: "Gains", Lost: "Loses",
	Own: "their own account", Whole: "{place} and everything below", Alone: "only {place}",
	Below: "everything below {place}", Within: "within {place}",
	Count: "{permission}: {n}", Back: "Back to the form", Preview: "Preview",
	Warnings: warningWords{
		NoAdmin:        "This organization would have no admin any more.",
		NoAdminOf:      "{place} would have no admin any more.",
		SuperUsersOnly: "Only an administrator of the whole server could undo this.",
		NotByYou:       "You could not undo this yourself.",
		ForGood:        "What is deleted cannot be brought back.",
		Emergency: "An emergency account could no longer sign in when the identity provider does not answer. " +
			"The administrators are told by mail.",
	},
}

var frenchPreview = previewWords{
	Lead:     "Rien n’a encore été changé. Voici ce qui se passerait :",
	Moved:    "L’annuaire a changé depuis, rien n’a donc été fait. Regardez ce qui se passerait maintenant.",
	Nobody:   "Personne ne gagne ni ne perd de droit.",
	LeftOut:  "D’autres, que vous ne voyez pas, sont peut-être concernés. Ils ne sont pas comptés ici.",
	Gaining:  plural{"{n} personne gagne quelque chose.", "{n} personnes gagnent quelque chose."},
	Losing:   plural{"{n} personne perd quelque chose.", "{n} personnes perdent quelque chose."},
	Sessions: plural{"{n} session prend fin aussitôt.", "{n} sessions prennent fin aussitôt."},
	People:   plural{"{n} personne concernée", "{n} personnes concernées"},
	First:    plural{"Seule la première est citée.", "Seules les {n} premières sont citées."},
	MorePlaces: plural{"Et dans {n} autre lieu, qui n’est pas cité.",
		"Et dans {n} autres lieux, qui ne sont pas cités."},
	Changes: "Avant et après", Places: "Lieu par lieu", Where: "Où", Who: "Qui", Gained: "Gagne", Lost: "Perd",
	Own: "son propre compte", Whole: "{place} et tout ce qui est dessous", Alone: "{place} seulement",
	Below: "tout ce qui est sous {place}", Within: "dans {place}",
	Count: "{permission} : {n}", Back: "Revenir au formulaire", Preview: "Aperçu",
	Warnings: warningWords{
		NoAdmin:        "Cette organisation n’aurait plus d’administrateur.",
		NoAdminOf:      "{place} n’aurait plus d’administrateur.",
		SuperUsersOnly: "Seul un administrateur de tout le serveur pourrait revenir en arrière.",
		NotByYou:       "Vous ne pourriez pas revenir en arrière vous-même.",
		ForGood:        "Ce qui est supprimé ne peut pas être récupéré.",
		Emergency: "Un compte de secours ne pourrait plus se connecter quand le fournisseur d’identité ne répond pas. " +
			"Les administrateurs seront prévenus par courriel.",
	},
}
