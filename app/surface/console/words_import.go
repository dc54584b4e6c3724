package console

// importWords are the texts of the pages of an import.
type importWords struct {
	Title, Lead, File, FileHint, Try, TryHint, Columns, ColumnsLead string

	PlanTitle, Lines, Problems, Line, Column, Problem, What, Change, New, Changed, Again string

	RunHint, Running, Checking, Done, Person, Place string

	Created, Updated, Unchanged, Places, PassedOver, Wrong, Run, RunLines, More plural

	DoneOf plural // {done}, {n}
}

var englishImport = importWords{
	Title: "Import",
	Lead: "Bring in people and places of a file: whoever is there already, by their login name, is changed as the file " +
		"says, the others are created; so are places, by their paths. Nothing is deleted. Only your part of the tree is " +
		"touched.",
	File:     "File",
	FileHint: "A table (CSV) of up to 5,000 people, or a directory document (JSON), of which people and places are taken.",
	Try:      "Show what would happen", TryHint: "Nothing is changed yet.",
	Columns: "The table", ColumnsLead: "Its first row names the columns, of which only alias is needed; what has no " +
		"column stays as it is. Places are written as paths, several ones with semicolons. The download of a list of " +
		"people has the same columns.",
	PlanTitle: "What the import would do", Lines: "Line by line", Problems: "What is wrong", Line: "Line",
	Column: "Column", Problem: "What to do", What: "What", Change: "What changes", New: "New", Changed: "Changed",
	Again: "Choose another file", Done: "Imported.",
	RunHint: "If something of this was changed meanwhile, nothing is imported, and it is shown again. Many people take " +
		"a while: the answer comes when all is done.",
	Running: "The import is running.", Checking: "Everything is written. It is compared with what was shown here.",
	DoneOf:    plural{"{done} of {n} line written.", "{done} of {n} lines written."},
	Created:   plural{"{n} new account.", "{n} new accounts."},
	Updated:   plural{"{n} changed account.", "{n} changed accounts."},
	Unchanged: plural{"{n} unchanged.", "{n} unchanged."},
	PassedOver: plural{"{n} other record is passed over.",
		"{n} other records, such as groups and objects, are passed over."},
	Wrong: plural{"One thing in the file is wrong. Nothing can be imported before it is mended.",
		"{n} things in the file are wrong. Nothing can be imported before they are mended."},
	Run:      plural{"Import {n} person", "Import {n} people"},
	RunLines: plural{"Import {n} line", "Import {n} lines"},
	Places:   plural{"{n} new or changed place.", "{n} new or changed places."},
	Person:   "Person", Place: "Place",
	More: plural{"And {n} more line.", "And {n} more lines."},
}

var frenchImport = importWords{
	Title: "Importer",
	Lead: "Apportez les personnes et les lieux d’un fichier : celles qui existent déjà, d’après leur identifiant, sont " +
		"changées comme le dit le fichier, les autres sont créées ; de même les lieux, d’après leur chemin. Rien n’est " +
		"supprimé. Seule votre partie est touchée.",
	File: "Fichier",
	FileHint: "Un tableau (CSV) de 5 000 personnes au plus, ou un document d’annuaire (JSON), dont les personnes et " +
		"les lieux sont pris.",
	Try: "Montrer ce qui se passerait", TryHint: "Rien n’est encore changé.",
	Columns: "Le tableau", ColumnsLead: "Sa première ligne nomme les colonnes, dont seule alias est nécessaire ; ce qui " +
		"n’a pas de colonne reste tel quel. Les lieux s’écrivent comme des chemins, séparés par des points-virgules. Le " +
		"téléchargement d’une liste de personnes a les mêmes colonnes.",
	PlanTitle: "Ce que ferait l’importation", Lines: "Ligne par ligne", Problems: "Ce qui ne va pas", Line: "Ligne",
	Column: "Colonne", Problem: "Que faire", What: "Quoi", Change: "Ce qui change", New: "Nouveau", Changed: "Changé",
	Again: "Choisir un autre fichier", Done: "Importé.",
	RunHint: "Si quelque chose en a été changé entre-temps, rien n’est importé, et tout est montré de nouveau. Beaucoup " +
		"de personnes prennent un moment : la réponse vient quand tout est fait.",
	Running: "L’importation est en cours.", Checking: "Tout est écrit. C’est comparé à ce qui était montré ici.",
	DoneOf:    plural{"{done} ligne écrite sur {n}.", "{done} lignes écrites sur {n}."},
	Created:   plural{"{n} nouveau compte.", "{n} nouveaux comptes."},
	Updated:   plural{"{n} compte changé.", "{n} comptes changés."},
	Unchanged: plural{"{n} inchangé.", "{n} inchangés."},
	PassedOver: plural{"{n} autre élément est ignoré.",
		"{n} autres éléments, comme des groupes et des objets, sont ignorés."},
	Wrong: plural{"Une chose ne va pas dans le fichier. Rien ne peut être importé avant qu’elle soit corrigée.",
		"{n} choses ne vont pas dans le fichier. Rien ne peut être importé avant qu’elles soient corrigées."},
	Run:      plural{"Importer {n} personne", "Importer {n} personnes"},
	RunLines: plural{"Importer {n} ligne", "Importer {n} lignes"},
	Places:   plural{"{n} lieu nouveau ou changé.", "{n} lieux nouveaux ou changés."},
	Person:   "Personne", Place: "Lieu",
	More: plural{"Et encore {n} ligne.", "Et encore {n} lignes."},
}
