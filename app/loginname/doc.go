// Package loginname says which login names people may be given: those of the profile
// UsernameCaseMapped of PRECIS (RFC 8265, section 3.3), written as the profile leaves them but
// for their case, in letters of one script. It knows nobody's name.
//
// Decisions:
//
//   - The tables are those of golang.org/x/text, which domain may not import; so the check is a
//     port of package directory, asked wherever a name is given, and never of a name that somebody
//     has: what was given earlier keeps working.
//   - Names keep the case they are written in and are compared by domain.Fold, as before. A name
//     that the profile would write otherwise is refused, with how it would be written, instead of
//     changed: people sign in with what they typed.
//   - Several words with single blanks between them are one name, as in the RFC.
//   - Of mixtures of scripts those are allowed that UTS 39 calls highly restrictive: Chinese,
//     Japanese and Korean with Latin. Names in one script that look like another one's are not
//     looked for.
package loginname
