package console

// findWords are the texts of what a picker offers.
type findWords struct {
	Nothing string
	Most    string // behind as many as are offered at once
}

var englishFind = findWords{Nothing: "Nothing begins like that.", Most: "There may be more. Type on to narrow it down."}

var frenchFind = findWords{Nothing: "Rien ne commence ainsi.",
	Most: "Il y en a peut-être d’autres. Continuez à taper pour préciser."}
