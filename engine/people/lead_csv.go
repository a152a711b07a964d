package people

import (
	"context"
	"io"

	"qualifybase/engine/act"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
	"qualifybase/engine/table"
	"qualifybase/engine/text"
)

// MaxImportRows bounds an import, for it is one transaction, during which
// nobody else writes.
const MaxImportRows = 20_000

// LeadImport says how a file of leads is to be taken.
type LeadImport struct {
	Source  string // of rows that name none; "" = "csv"
	DryRun  bool   // report what would happen, write nothing
	SkipBad bool   // import the good rows although others are faulty
}

var (
	leadImport = act.Define("lead.import", scope.LeadsWrite)
	leadExport = act.Define("lead.export", scope.LeadsRead)
)

// ImportLeads puts the rows of a CSV file as PutLead does (act.ImportCSV). Reading the
// same file again changes nothing more, nor does an export of the clinic, whose ids
// name the leads. Needs leads:write.
func (e *Engine) ImportLeads(ctx context.Context, c act.Caller, file io.Reader, o LeadImport) (act.ImportReport[Lead],
	error) {
	return act.ImportCSV(ctx, e.Room, c, file, act.ImportOptions{DryRun: o.DryRun, SkipBad: o.SkipBad},
		act.Import[*Act, Lead]{
			Action: leadImport, Row: LeadUpdate, MaxRows: MaxImportRows, Columns: takeLeadColumns,
			Begin: func(w *Act) (func(*Act, table.Cells) (act.Took, Lead, error), error) {
				x, err := w.newEdit()
				if err != nil {
					return nil, err
				}
				source := text.Clean(&x.Faults, "source", o.Source, text.MaxText)
				if source == "" {
					source = "csv"
				}
				return func(own *Act, cells table.Cells) (act.Took, Lead, error) {
					return own.takeLead(x, cells, source)
				}, x.Err()
			},
		})
}

// takeLead puts one row.
func (w *Act) takeLead(x act.Edit, cells table.Cells, source string) (act.Took, Lead, error) {
	put, err := w.putLeadRow(x, cells, source)
	w.EntityID, w.PatientID = put.Lead.ID, put.Lead.PatientID
	switch {
	case put.Created:
		w.Action = LeadCreate
		return act.TookNew, put.Lead, err
	case w.Quiet:
		return act.TookKnown, put.Lead, err
	}
	return act.TookChange, put.Lead, err
}

// putLeadRow is putLead for a row of a file. An id of ours names the lead itself;
// one that is not is a fault, for the row may be of a lead that was deleted. A row
// that says again what its source has said is that lead, although neither its name
// alone nor its phone alone would match (contract.md §9): a file may be read twice.
func (w *Act) putLeadRow(x act.Edit, cells table.Cells, source string) (LeadPut, error) {
	var d LeadDraft
	leadColumns.Read(&x.Faults, &Lead{}, &d, cells)
	said, err := w.saidOf(x, d, source)
	if err != nil {
		return LeadPut{}, err
	}
	if id := cells.Text(ownLeadID); id != "" {
		l, err := w.leadOfRow(x, id, d)
		return LeadPut{l, false}, err
	}
	_, how, err := matchLead(w, said)
	if err != nil {
		return LeadPut{}, err
	}
	if how == matchedNone && said.ExternalID == "" && said.EmailKey == "" {
		if known, err := w.knownLead(x, d, said); err != nil || known.ID != "" {
			w.Quiet = true
			return LeadPut{known, false}, err
		}
	}
	return w.putLead(x, d, said)
}

// knownLead is the lead that has all that the draft says, from the same source; the
// zero one is none.
func (w *Act) knownLead(x act.Edit, d LeadDraft, said Lead) (Lead, error) {
	var found []Lead
	var err error
	switch {
	case said.NameKey != "":
		found, err = w.LeadsByName(said.Clinic, said.Test, said.NameKey)
	case said.PhoneKey != "":
		found, err = w.LeadsByPhone(said.Clinic, said.Test, said.PhoneKey)
	}
	for _, l := range found {
		x, again := x, l
		leadFields.Apply(&x, &again, &d)
		if l.Source == said.Source && len(x.Changed) == 0 {
			return l, err
		}
	}
	return Lead{}, err
}

// leadOfRow changes the lead that the row names by our id.
func (w *Act) leadOfRow(x act.Edit, id string, d LeadDraft) (Lead, error) {
	old, err := findLead(w, w.Caller, id)
	if fault.KindOf(err) == fault.NotFound {
		return Lead{}, fault.Fail(fault.Invalid, "The file cannot be imported").
			On(ownLeadID,
				"No lead of this clinic has this id; empty the cell, or take the column out, to import the line as a new lead")
	}
	if err != nil {
		return Lead{}, err
	}
	after := old
	leadFields.Apply(&x, &after, &d)
	if other, err := w.rivalOf(old, after); err != nil {
		return Lead{}, err
	} else if other {
		return Lead{}, fault.Fail(fault.Invalid, "The file cannot be imported").On("external_id",
			"Another lead has it in this source")
	}
	return w.alterLead(x, old, after)
}

// ExportLeads writes the leads of a query as CSV (act.ExportCSV); ImportLeads reads it
// back. The result is the number of leads. Needs leads:read.
func (e *Engine) ExportLeads(ctx context.Context, c act.Caller, q LeadQuery, out io.Writer) (int, error) {
	if err := e.Allow(c, leadExport); err != nil {
		return 0, err
	}
	q, filters, err := q.cleaned(c)
	if err != nil {
		return 0, err
	}
	header, cells := leadColumns.Written()
	return act.ExportCSV(ctx, e.Room, c, out, act.Export[Reader, Lead]{
		Action: leadExport, Header: header, Cells: cells, Begin: q.begin,
		Rows:  func(r Reader, after act.Position, limit int) ([]Lead, error) { return r.Leads(q, after, limit) },
		Place: func(l Lead) act.Position { return act.Placed(l.ID, l.Meta) },
		Audit: func(page []Lead) (int64, []string) {
			fields := act.ListFields(filters, page, func(l Lead) string { return l.ID })
			return 0, act.OfPatients(0, fields, page, func(l Lead) int64 { return l.PatientID })
		},
	})
}

// begin reads q as dialled does and says where its walk starts; not ok when it is empty.
func (q *LeadQuery) begin(r Reader) (at act.Position, ok bool, err error) {
	if err := q.dialled(r); err != nil {
		return at, false, err
	}
	if q.UpdatedSince == nil {
		return at, true, nil
	}
	start, err := r.FirstLeadChange(q.Clinic, q.Test, *q.UpdatedSince)
	if fault.KindOf(err) == fault.NotFound || err == nil && start == 0 {
		return at, false, nil
	}
	at.Number = start - 1
	return at, true, err
}
