package console

import (
	"strings"

	"canopy/domain"
)

// proof returns what a proof is called.
func (v *view) proof(p domain.Proof) string {
	w := &v.words.Strength
	switch p {
	case domain.ByCode:
		return w.Code
	case domain.ByPasskey:
		return w.Passkey
	}
	return w.None
}

// proofNamed is proof for the name that addresses have of one; what is none stays as it is.
func (v *view) proofNamed(name string) string {
	p, err := domain.ParseProof("factor", name)
	if err != nil {
		return name
	}
	return v.proof(p)
}

func (v *view) proofOptions() []option {
	var all []option
	for _, p := range domain.Proofs {
		all = append(all, option{p.String(), v.proof(p)})
	}
	return all
}

// factors returns what factors are called, or that there are none.
func (v *view) factors(f domain.Factors) string {
	if f == 0 {
		return v.proof(domain.ByPassword)
	}
	var names []string
	for kind := domain.CodeFactor; kind <= domain.PasskeyFactor; kind <<= 1 {
		if f&kind != 0 {
			names = append(names, v.proof(kind.Strongest()))
		}
	}
	return strings.Join(names, ", ")
}
