// Package mail writes letters and sends them: the words of all letters are in the folder
// letters, one file a language with the same keys, and leave as plain text over SMTP, or
// as files where no mail server is configured. When, to whom and how often is decided
// elsewhere; what goes out comes from the outbox.
//
// Decisions:
//
//   - One mail is claimed at a time, so that a server that is killed leaves at most one of
//     each of its senders' mails whose fate is unknown. It is sent again: at least once
//     rather than at most once, with the same Message-ID.
//   - A server's refusal for good (5xx) of an address or a text ends a mail at once; all
//     else, a refused sign-in above all, is tried again for a day, since it is the
//     configuration that is wrong then and not the mail.
//   - Without encryption mail leaves for the machine itself only.
package mail
