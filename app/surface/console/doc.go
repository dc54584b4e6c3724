// Package console is the surface for people with a browser: the pages of those who run a branch, and the pages
// to which the links of mail lead. It translates and decides nothing: a page calls the use cases that the other
// surfaces call, and shows what they answer.
//
// A noun has its handlers in noun.go, its components in noun.templ and its texts in words_noun.go. What pages share
// is in visit.go (one request of somebody who is signed in), shell.go and shell.templ (the frame and the fields of
// forms), preview.go (a change that is shown before it is made), find.go (what pickers offer) and assets.go.
//
// Decisions of all pages:
//
//   - A page is shown by GET and HEAD, and nothing happens before a form is posted: programs that look at mail
//     follow the links in it. A form that worked sends the browser to a page that can be read again.
//   - Addresses are relative, and every page is one level below Base, so that links work behind a prefix, behind
//     a proxy that adds one, and in a part of a page that is put into another.
//   - Pages work without script. Those that can be had without signing in have none, except where a password is
//     chosen: console.js weighs it there. The others have that and htmx, which swaps parts. They ask nothing of any
//     other server, by the policy of render and renderWith.
//   - The meter of a new password advises: the server decides, by length, common passwords and names. A page of a
//     link knows no account, so it says what is enough nearly everywhere; what was missing is said afterwards.
//   - Parameters that are not known are passed over: mail programs add some to links.
//   - Pages are components of templ, rendered whole before the first byte is sent, so that what fails
//     is an error and no half page. After a change of a .templ file: go generate ./app/surface/console.
//   - Texts are structs of Go and not files of a catalogue: the compiler finds a text that is missing. Sentences
//     of errors come from the core in English; problems.fr.txt has them in French, and a test finds those it lacks.
//
// Decisions of pages of links:
//
//   - Nothing of the directory is on a page: it is written from its address alone, so it is the same
//     whether or not the secret is right.
//   - The secret is in the page's address, because mail can lead there only; it is posted in the body.
//
// Decisions of pages of people who are signed in:
//
//   - Fields of forms have the names of the core's fields, so that an error finds its field. What was typed stays.
//   - A change that moves access is previewed first, and carried out by the preview's hash; a form of a thing carries
//     the version that was shown. Whoever was overtaken is told, and nothing is lost.
//   - What the caller may not do is not offered, by Abilities and Rights of the use cases; that it is refused is for
//     the use cases themselves.
//   - The file of an import goes back and forth with the page: no server keeps it, so any server can carry it out. How
//     far that is only the server knows that does it: one of several behind an address that is asked and does not
//     shows a bar that does not say.
package console

//go:generate go tool templ generate
