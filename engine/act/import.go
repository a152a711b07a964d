package act

import (
	"context"
	"errors"
	"fmt"
	"io"

	"qualifybase/engine/fault"
	"qualifybase/engine/table"
)

// Import is how the rows of a CSV file become rows of one kind, such as leads. W is
// the Act of the room, T the row.
type Import[W, T any] struct {
	Action  Action // of the file, in the audit
	Row     Action // of one of its rows, unless Take says another
	MaxRows int    // an import is one transaction, during which nobody else writes

	// Columns takes the headings of the file for columns, or refuses it.
	Columns func(header []string) ([]table.Column, error)
	// Begin is called in the transaction and gives what takes a row: inside an act
	// of its own, so that a row that is refused has no effect.
	Begin func(w W) (take func(own W, cells table.Cells) (Took, T, error), err error)
	// Counted is what the file's row in the audit says; nil = how many were created and updated.
	Counted func(r *ImportReport[T]) []string
}

// Took is what became of a row of a file.
type Took string

// What can become of a row that is not faulty.
const (
	TookNew    Took = "create"
	TookChange Took = "update"
	TookKnown  Took = "unchanged"
)

// ImportOptions say how a file is to be taken.
type ImportOptions struct {
	DryRun  bool // report what would happen, write nothing
	SkipBad bool // import the good rows although others are faulty
}

// ImportReport is what an import did, or would do.
type ImportReport[T any] struct {
	Columns   []table.Column
	Rows      int // below the header, empty ones not counted
	Created   int
	Updated   int
	Unchanged int
	Bad       []BadLine    // every faulty row, in the order of the file
	Preview   []Preview[T] // the first good rows
	Written   bool         // false after a dry run
}

// Preview is a row of a file and what becomes of it.
type Preview[T any] struct {
	Line int // of the file, from 1
	Took Took
	Row  T
}

// BadLine is a row that cannot be imported.
type BadLine struct {
	Line    int // of the file, from 1
	Details []fault.Detail
}

const (
	previewRows = 10
	shownFaults = 50 // in the error; the report has all
)

// errDryRun undoes the transaction of a dry run.
var errDryRun = errors.New("dry run")

// ImportCSV takes the rows of a CSV file (table.Read) in one transaction, each seeing
// those before it: if a row is faulty nothing is written, unless SkipBad. A dry run
// is the same transaction, undone. The error lists the first faulty rows by line;
// the report, which comes with it, lists all.
func ImportCSV[W, R, T any](ctx context.Context, r Room[W, R], c Caller, file io.Reader, o ImportOptions,
	m Import[W, T]) (ImportReport[T], error) {
	report := ImportReport[T]{Bad: []BadLine{}, Preview: []Preview[T]{}}
	if err := r.Allow(c, m.Action); err != nil {
		return report, err
	}
	header, rows, err := table.Read(file, 0)
	if err != nil {
		return report, err
	}
	if report.Columns, err = m.Columns(header); err != nil {
		return report, err
	}
	if len(rows) > m.MaxRows {
		return report, table.BadFile("Has more than %d rows: split it", m.MaxRows)
	}
	none := report
	kernel := Room[*Act, Reader]{r.Kernel, func(w *Act) *Act { return w }}
	_, err = Do(ctx, kernel, c, m.Action, func(w *Act) (struct{}, error) {
		report = none // counted anew, even if a Store ran this function twice
		if err := takeRows(w, r.In, rows, m, &report); err != nil {
			return struct{}{}, err
		}
		if len(report.Bad) > 0 && !o.SkipBad && !o.DryRun {
			return struct{}{}, refusedRows(report.Bad, report.Rows)
		}
		if o.DryRun {
			return struct{}{}, errDryRun
		}
		if m.Counted == nil {
			w.Fields = []string{fmt.Sprintf("created:%d", report.Created), fmt.Sprintf("updated:%d", report.Updated)}
		} else {
			w.Fields = m.Counted(&report)
		}
		return struct{}{}, nil
	})
	report.Written = err == nil
	if errors.Is(err, errDryRun) {
		err = nil
	}
	return report, err
}

// takeRows takes the rows and counts; a faulty row is noted and has no effect.
func takeRows[W, T any](w *Act, in func(*Act) W, rows []table.Row, m Import[W, T], report *ImportReport[T]) error {
	take, err := m.Begin(in(w))
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Blank() {
			continue
		}
		report.Rows++
		if row.Fault != "" {
			report.bad(row.Line, fault.Faults{{Field: "line", Message: row.Fault}})
			continue
		}
		var took Took
		var is T
		err := Sub(w, in, m.Row, func(own W) (err error) {
			took, is, err = take(own, table.CellsOf(report.Columns, row.Cells))
			return err
		})
		if err == nil {
			report.took(row.Line, took, is)
			continue
		}
		refusal, ok := errors.AsType[*fault.Error](err)
		if !ok || refusal.Kind == fault.Internal || refusal.RetryAfter != 0 {
			return err
		}
		report.bad(row.Line, refusal.AsFaults())
	}
	return nil
}

func (r *ImportReport[T]) bad(line int, faults fault.Faults) {
	r.Bad = append(r.Bad, BadLine{Line: line, Details: faults})
}

func (r *ImportReport[T]) took(line int, took Took, row T) {
	switch took {
	case TookNew:
		r.Created++
	case TookChange:
		r.Updated++
	default:
		r.Unchanged++
	}
	if len(r.Preview) < previewRows {
		r.Preview = append(r.Preview, Preview[T]{line, took, row})
	}
}

// refusedRows is the error of a file with faulty rows.
func refusedRows(faulty []BadLine, rows int) error {
	err := fault.Fail(fault.Invalid, "%d of %d rows are faulty; nothing was imported", len(faulty), rows)
	for _, bad := range faulty {
		for _, d := range bad.Details {
			if len(err.Details) == shownFaults {
				return err
			}
			err.On(d.Field, "Line %d: %s", bad.Line, d.Message)
		}
	}
	return err
}
