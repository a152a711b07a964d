package engine

import "errors"

// BadLine is a row that cannot be imported.
type BadLine struct {
	Line    int // of the file, from 1
	Details []Detail
}

const (
	previewRows = 10
	shownFaults = 50 // in the error; the report has all
)

// errDryRun undoes the transaction of a dry run.
var errDryRun = errors.New("dry run")

// refusedRows is the error of a file with faulty rows.
func refusedRows(faulty []BadLine, rows int) error {
	err := Fail(Invalid, "%d of %d rows are faulty; nothing was imported", len(faulty), rows)
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

// exportPage is how many leads an export reads on one snapshot.
const exportPage = 500
