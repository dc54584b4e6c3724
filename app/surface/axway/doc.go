// Package axway is the surface for clients of Axway API Manager: users, the own account and
// organizations at /api/portal/v1.3 and /api/portal/v1.4. It translates and decides nothing.
//
// Decisions:
//
//   - A name is one text there and two here: its last word is the last name, unless it ends with
//     the surname that the body says or, else, with the one that is known. A surname that the name
//     does not end with is left out of account, because clients change a name and send the old
//     surname along.
//   - The role "user" is our user and our power user: sent for either, it changes nothing. With
//     another role comes its built-in group, because these clients know no groups.
//   - createdOn in a body is not read, as the document's own example shows; null leaves things as
//     they are, as it shows too.
//   - An organization that a body names and that is not there is a mistake in the body, 400, as
//     404 is not among the document's answers.
//   - Who has a mail address keeps one: it is required there. An account without one, made
//     elsewhere, is shown with an empty one and can be changed like that.
//   - An admin outside the root organization, and an approval nobody waits for, are 403, as 409 is
//     not among the document's answers.
//   - The links of mails lead to /validateuser and /resetpassword, as the document wants, and the GETs
//     of these act, as it says. Programs that look at mail follow links, so the links of ours have one
//     parameter more, lang, with which the answer is the document's 303 to a page where the person
//     presses a button, or chooses a password; without those pages the links are the document's own.
//   - Organizations are deleted with everything in them only by whoever repeats their name, in the
//     parameter confirm.
package axway
