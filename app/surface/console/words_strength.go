package console

// strengthWords are the texts about how strongly people prove who they are.
type strengthWords struct {
	Factor, None, Code, Passkey string // the proofs, and what they are called together
	ChipFactor, ChipWeaker      string // {proof}
	Kind, People, Programs      string // kinds of accounts
	OldKeys                     string
}

var englishStrength = strengthWords{
	Factor: "Second factor", None: "Password alone", Code: "One-time code", Passkey: "Passkey",
	ChipFactor: "At best: {proof}", ChipWeaker: "Less than: {proof}",
	Kind: "Kind of account", People: "A person’s", Programs: "A program’s", OldKeys: "Programs with an old key",
}

var frenchStrength = strengthWords{
	Factor: "Second facteur", None: "Mot de passe seul", Code: "Code à usage unique", Passkey: "Clé d’accès",
	ChipFactor: "Au mieux : {proof}", ChipWeaker: "Moins que : {proof}",
	Kind: "Type de compte", People: "D’une personne", Programs: "D’un programme",
	OldKeys: "Programmes avec une clé ancienne",
}
