// Package table reads and writes tables of cells as spreadsheets exchange them (CSV).
package table

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"

	"qualifybase/engine/fault"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// The bounds of a CSV file that is read.
const (
	MaxBytes   = 32 << 20
	MaxColumns = 200
	MaxRows    = 100_000
)

// Row is one record below the header. Either Cells has a cell per column, or
// Fault says what is wrong with the line; the lines after it are read all the same.
type Row struct {
	Line  int // of the file, from 1; a record of several lines has its first
	Cells []string
	Fault string
}

// Blank tells a row of empty cells, of which spreadsheets leave many at the end.
func (r Row) Blank() bool {
	return r.Fault == "" && strings.TrimSpace(strings.Join(r.Cells, "")) == ""
}

// Read reads a table as spreadsheets and other programs write it: UTF-8 with or
// without a byte order mark, UTF-16 with one, else Windows-1252; separated by
// comma, semicolon, tab or bar, whichever the header has most of; any line end.
// Header cells lose the spaces around them; a cell loses the guard of Write.
// At most limit bytes are read (0: MaxCSVBytes). The error is a *fault.Error about
// the field "file" for a file that cannot be read at all, or the reader's own.
func Read(r io.Reader, limit int64) (header []string, rows []Row, err error) {
	if limit <= 0 {
		limit = MaxBytes
	}
	raw, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, nil, err
	}
	if int64(len(raw)) > limit {
		return nil, nil, fault.Fail(fault.TooLarge, "The file is too large").On("file",
			"Must have at most %d bytes: split it", limit)
	}
	text, err := decodeText(raw)
	if err != nil {
		return nil, nil, err
	}
	t, err := openTable(text)
	if err != nil {
		return nil, nil, err
	}
	if rows, err = t.rows(); err != nil {
		return nil, nil, err
	}
	return t.header, rows, nil
}

// BadFile refuses a file as a whole, with what is wrong with it.
func BadFile(format string, args ...any) *fault.Error {
	return fault.Fail(fault.Invalid, "The file cannot be read").On("file", format, args...)
}

// decodeText finds out how the bytes spell characters.
func decodeText(raw []byte) (string, error) {
	switch {
	case bytes.HasPrefix(raw, []byte{0xFF, 0xFE}), bytes.HasPrefix(raw, []byte{0xFE, 0xFF}):
		text, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(raw)
		if err != nil {
			return "", BadFile("Must be text in UTF-8, UTF-16 or Windows-1252")
		}
		raw = text
	case bytes.HasPrefix(raw, []byte("PK\x03\x04")), bytes.HasPrefix(raw, []byte{0xD0, 0xCF, 0x11, 0xE0}):
		return "", BadFile("Is a spreadsheet, not CSV: open it and save it as CSV (UTF-8)")
	}
	raw = bytes.TrimPrefix(raw, []byte("\uFEFF"))
	if bytes.IndexByte(raw, 0) >= 0 {
		return "", BadFile("Holds binary data: save the table as CSV (UTF-8)")
	}
	if utf8.Valid(raw) {
		return string(raw), nil
	}
	text, err := charmap.Windows1252.NewDecoder().Bytes(raw)
	if err != nil {
		return "", BadFile("Must be text in UTF-8, UTF-16 or Windows-1252")
	}
	return string(text), nil
}

// table is a file behind its header.
type table struct {
	text    string // what csv reads
	csv     *csv.Reader
	skipped int // lines before those that csv counts
	header  []string
}

func openTable(text string) (*table, error) {
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	t, delimiter, columns := &table{}, rune(0), 0
	// Spreadsheets write and obey a first line "sep=;".
	if first, rest, _ := strings.Cut(text,
		"\n"); strings.HasPrefix(first, "sep=") && len(strings.TrimRight(first, "\r")) == 5 {
		delimiter, text, t.skipped = rune(first[4]), rest, 1
		if !strings.ContainsRune(delimiters, delimiter) {
			return nil, BadFile("Must be separated by comma, semicolon, tab or bar")
		}
	}
	delimiter, columns = sniff(text, delimiter)
	if columns > MaxColumns {
		return nil, BadFile("Has %d columns, at most %d are read: is it the right file?", columns, MaxColumns)
	}
	t.text, t.csv = text, csv.NewReader(strings.NewReader(text))
	t.csv.Comma, t.csv.FieldsPerRecord = delimiter, -1
	header, err := t.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, BadFile("Is empty: the first line must name the columns")
	}
	if err != nil {
		return nil, BadFile("Line %d, which names the columns, %s", t.lineOf(err), t.quoteFault(0))
	}
	for i := range header {
		header[i] = strings.TrimSpace(unguard(header[i]))
	}
	t.header = header
	return t, nil
}

const (
	delimiters = ",;\t|"
	badQuotes  = "has a quotation mark in the wrong place: put the whole cell into quotes and double those inside"
	openQuote  = "opens a quotation mark that is never closed, so that the rest of the file belongs to the cell: " +
		"close it, or double it where it is part of the text"
)

// quoteFault says what is wrong with the quotation marks of the record that begins
// at the byte.
func (t *table) quoteFault(begin int64) string {
	if t.csv.InputOffset() >= int64(len(t.text)) && strings.Count(t.text[begin:], `"`)%2 == 1 {
		return openQuote
	}
	return badQuotes
}

// sniff counts the delimiters outside quotes in the first line that is not
// empty, and says which one rules and how many columns it makes.
func sniff(text string, known rune) (delimiter rune, columns int) {
	var count [utf8.RuneSelf]int
	quoted := false
scan:
	for _, c := range strings.TrimLeft(text, "\r\n") {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\n' && !quoted:
			break scan
		case !quoted && c < utf8.RuneSelf:
			count[c]++
		}
	}
	if delimiter = known; known == 0 {
		delimiter = ','
		for _, d := range delimiters {
			if count[d] > count[delimiter] {
				delimiter = d
			}
		}
	}
	return delimiter, count[delimiter] + 1
}

// lineOf is where the record of a parse error begins.
func (t *table) lineOf(err error) int {
	if fault, ok := errors.AsType[*csv.ParseError](err); ok {
		return fault.StartLine + t.skipped
	}
	return 0
}

func (t *table) rows() ([]Row, error) {
	rows := []Row{}
	for {
		begin := t.csv.InputOffset()
		cells, err := t.csv.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if len(rows) == MaxRows {
			return nil, BadFile("Has more than %d rows: split it", MaxRows)
		}
		if err != nil {
			rows = append(rows, Row{Line: t.lineOf(err), Fault: "The line " + t.quoteFault(begin)})
			continue
		}
		line, _ := t.csv.FieldPos(0)
		row := Row{Line: line + t.skipped, Cells: cells}
		if len(cells) != len(t.header) {
			row = Row{Line: row.Line, Fault: counted(len(cells), "cell") + " in the line, but " + counted(len(t.header),
				"column") + " in the header"}
		}
		for i := range row.Cells {
			row.Cells[i] = unguard(row.Cells[i])
		}
		rows = append(rows, row)
	}
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// Write writes a table in UTF-8 with commas and line feeds. A cell that a
// spreadsheet would take for a formula gets a ' in front, phone numbers too;
// Read takes it away, so what was exported can be imported. Line breaks in
// cells become \n.
func Write(w io.Writer, header []string, rows iter.Seq[[]string]) error {
	out := csv.NewWriter(w)
	write := func(row []string) error {
		guarded := make([]string, len(row))
		for i, cell := range row {
			guarded[i] = guard(plainBreaks(cell))
		}
		if len(guarded) == 1 && guarded[0] == "" { // an empty line would be no row
			out.Flush()
			_, err := io.WriteString(w, `""`+"\n")
			return err
		}
		return out.Write(guarded)
	}
	if err := write(header); err != nil {
		return err
	}
	for row := range rows {
		if err := write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// plainBreaks leaves nothing that reading would change: csv.Reader drops carriage
// returns before line feeds, and a file with zero bytes or broken UTF-8 is taken
// for another encoding.
func plainBreaks(cell string) string {
	cell = strings.ReplaceAll(strings.ToValidUTF8(cell, "\uFFFD"), "\x00", "")
	for strings.Contains(cell, "\r\n") {
		cell = strings.ReplaceAll(cell, "\r\n", "\n")
	}
	return cell
}

// formulaStart are the characters with which a spreadsheet begins a formula. A guarded
// cell begins with quotes and then one of them. A cell that looks so already gets one
// quote more, so that it is kept apart.
const formulaStart = "=+-@\t\r\n＝＋－＠"

func looksLikeFormula(cell string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(cell, "'"))
	return strings.ContainsRune(formulaStart, r)
}

func guard(cell string) string {
	if looksLikeFormula(cell) {
		return "'" + cell
	}
	return cell
}

func unguard(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && looksLikeFormula(rest) {
		return rest
	}
	return cell
}
