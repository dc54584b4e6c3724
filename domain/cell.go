package domain

import "strings"

// formulas are the characters that make spreadsheet programs run a cell.
const formulas = "=+-@\t\r"

// GuardCell puts an apostrophe before the cell of a table that a spreadsheet program would run.
func GuardCell(cell string) string {
	if cell != "" && (strings.ContainsRune(formulas, rune(cell[0])) || cell[0] == '\'') {
		return "'" + cell
	}
	return cell
}

// UnguardCell undoes GuardCell.
func UnguardCell(cell string) string {
	if len(cell) > 1 && cell[0] == '\'' && (strings.ContainsRune(formulas, rune(cell[1])) || cell[1] == '\'') {
		return cell[1:]
	}
	return cell
}
