package act

import (
	"errors"

	"qualifybase/engine/fault"
)

// BadLine is a row that cannot be imported.
type BadLine struct {
	Line    int // of the file, from 1
	Details []fault.Detail
}

const (
	PreviewRows = 10
	shownFaults = 50 // in the error; the report has all
)

// ErrDryRun undoes the transaction of a dry run.
var ErrDryRun = errors.New("dry run")

// RefusedRows is the error of a file with faulty rows.
func RefusedRows(faulty []BadLine, rows int) error {
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

// ExportPage is how many leads an export reads on one snapshot.
const ExportPage = 500
