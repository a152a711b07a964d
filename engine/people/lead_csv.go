package people

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"

	"qualifybase/engine/act"
	"qualifybase/engine/calendar"
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

// LeadReport is what an import did, or would do.
type LeadReport struct {
	Columns   []table.Column
	Rows      int // below the header, empty ones not counted
	Created   int
	Updated   int
	Unchanged int
	Bad       []act.BadLine // every faulty row, in the order of the file
	Preview   []LeadPreview // the first good rows
	Written   bool          // false after a dry run
}

// LeadPreview is a row and what becomes of it: "create", "update" or "unchanged".
type LeadPreview struct {
	Line int
	Act  string
	Lead Lead
}

// ImportLeads puts the rows of a CSV file (ReadCSV) as PutLead does, each seeing
// those before it, in one transaction: if a row is faulty nothing is written,
// unless SkipBad. Reading the same file again changes nothing more, nor does an
// export of the clinic, whose ids name the leads. A dry run is the same
// transaction, undone. The error lists the first faulty rows by line
// number; the report, which comes with it, lists all. Needs leads:write.
func (e *Engine) ImportLeads(ctx context.Context, c act.Caller, file io.Reader, o LeadImport) (LeadReport, error) {
	d := act.Define("lead.import", scope.LeadsWrite)
	if !c.May(d.Scope) {
		return LeadReport{}, e.Allow(c, d)
	}
	header, rows, err := table.Read(file, 0)
	if err != nil {
		return LeadReport{}, err
	}
	columns, err := mapLeadColumns(header)
	if err != nil {
		return LeadReport{Columns: columns}, err
	}
	if len(rows) > MaxImportRows {
		return LeadReport{Columns: columns}, table.BadFile("Has more than %d rows: split it", MaxImportRows)
	}
	var f fault.Faults
	if o.Source = text.Clean(&f, "source", o.Source, text.MaxText); o.Source == "" {
		o.Source = "csv"
	}
	if err := f.Err(); err != nil {
		return LeadReport{}, err
	}
	var report LeadReport
	_, err = act.Do(ctx, e.Room, c, d, func(w *Act) (LeadReport, error) {
		report = LeadReport{Columns: columns, Bad: []act.BadLine{}, Preview: []LeadPreview{}}
		if err := report.take(w, rows, o); err != nil {
			return report, err
		}
		if len(report.Bad) > 0 && !o.SkipBad && !o.DryRun {
			return report, act.RefusedRows(report.Bad, report.Rows)
		}
		if o.DryRun {
			return report, act.ErrDryRun
		}
		w.Fields = []string{fmt.Sprintf("created:%d", report.Created), fmt.Sprintf("updated:%d", report.Updated)}
		report.Written = true
		return report, nil
	})
	if errors.Is(err, act.ErrDryRun) {
		err = nil
	}
	return report, err
}

// take puts the rows and counts; a faulty row is noted and has no effect.
func (p *LeadReport) take(w *Act, rows []table.Row, o LeadImport) error {
	home, err := w.Clinic(w.Caller.Clinic)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.Blank() {
			continue
		}
		p.Rows++
		var f fault.Faults
		if row.Fault != "" {
			f.Add("line", "%s", row.Fault)
		}
		fields := leadOfCells(&f, p.Columns, row.Cells).Cleaned(&f, home.Country)
		fields.Usual = o.Source
		if len(f) == 0 {
			err := p.put(w, row.Line, leadIDOf(p.Columns, row.Cells), fields)
			if why, ok := errors.AsType[*fault.Error](err); ok && why.Kind == fault.Invalid {
				f = why.Details
			} else if err != nil {
				return err
			}
		}
		if len(f) > 0 {
			p.Bad = append(p.Bad, act.BadLine{Line: row.Line, Details: f})
		}
	}
	return nil
}

// put puts one row, with an audit row of its own if it changes something.
func (p *LeadReport) put(w *Act, line int, id string, fields leadFields) error {
	var put LeadPut
	what := "update"
	err := act.Sub(w.Act, w.e.In, LeadUpdate, func(own *Act) (err error) {
		put, err = own.putLeadRow(id, fields)
		switch {
		case put.Created:
			what, own.Action = "create", LeadCreate
		case own.Quiet:
			what = "unchanged"
		}
		own.EntityID, own.PatientID = put.Lead.ID, put.Lead.PatientID
		return err
	})
	if err != nil {
		return err
	}
	switch what {
	case "create":
		p.Created++
	case "update":
		p.Updated++
	default:
		p.Unchanged++
	}
	if len(p.Preview) < act.PreviewRows {
		p.Preview = append(p.Preview, LeadPreview{line, what, put.Lead})
	}
	return nil
}

// putLeadRow is putLead for a row of a file. An id of ours names the lead itself;
// one that is not is a fault, for the row may be of a lead that was deleted. A row
// that says again what its source has said is that lead, although neither its name
// alone nor its phone alone would match (contract.md §9): a file may be read twice.
func (w *Act) putLeadRow(id string, fields leadFields) (LeadPut, error) {
	if id != "" {
		l, err := w.leadOfRow(id, fields)
		return LeadPut{l, false}, err
	}
	if _, how, err := matchLead(w, w.Caller.Clinic, w.Caller.Test, fields); err != nil || how != matchedNone ||
		!blank(fields.externalID) || !blank(fields.emailKey) {
		if err != nil {
			return LeadPut{}, err
		}
		return w.PutLead(fields)
	}
	var who Lead
	fields.applyName(&who)
	var found []Lead
	var err error
	switch {
	case who.NameKey != "":
		found, err = w.LeadsByName(w.Caller.Clinic, w.Caller.Test, who.NameKey)
	case !blank(fields.phoneKey):
		found, err = w.LeadsByPhone(w.Caller.Clinic, w.Caller.Test, *fields.phoneKey)
	}
	if err != nil {
		return LeadPut{}, err
	}
	for _, l := range found {
		again := l
		fields.apply(&again)
		if l.Source == fields.origin() && len(leadChanges(l, again)) == 0 {
			w.Fields, w.Quiet = nil, true
			return LeadPut{l, false}, nil
		}
	}
	return w.PutLead(fields)
}

// leadOfRow changes the lead that the row names by our id.
func (w *Act) leadOfRow(id string, fields leadFields) (Lead, error) {
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
	fields.apply(&after)
	if other, err := w.rivalOf(old, after); err != nil {
		return Lead{}, err
	} else if other {
		return Lead{}, fault.Fail(fault.Invalid, "The file cannot be imported").On("external_id",
			"Another lead has it in this source")
	}
	return w.alterLead(old, fields)
}

// ExportLeads writes the leads of a query as CSV, page by page, so that a long
// list needs no memory; ImportLeads reads it back. The result is the number of
// leads. Each page is a row in the audit. Needs leads:read.
func (e *Engine) ExportLeads(ctx context.Context, c act.Caller, q LeadQuery, out io.Writer) (int, error) {
	d := act.Define("lead.export", scope.LeadsRead)
	if err := e.Allow(c, d); err != nil {
		return 0, err
	}
	q, filters, err := q.cleaned(c)
	if err != nil {
		return 0, err
	}
	n, broken := 0, error(nil)
	rows := func(yield func([]string) bool) {
		for l, err := range e.eachLead(ctx, c, d, q, filters) {
			if err != nil {
				broken = err
				return
			}
			if n++; !yield(leadCells(l)) {
				return
			}
		}
	}
	header := append(append([]string{}, leadFieldNames...), "id", "patient_id", "created_at", "updated_at")
	if err := table.Write(out, header, rows); err != nil {
		return n, err
	}
	return n, broken
}

// eachLead walks all leads of a cleaned query, as Leads would page them.
func (e *Engine) eachLead(ctx context.Context, c act.Caller, d act.Action, q LeadQuery,
	filters act.Filters) iter.Seq2[Lead, error] {
	return func(yield func(Lead, error) bool) {
		var after act.Position
		for first, more := true, true; more; first = false {
			page, err := act.View(ctx, e.Room, func(r Reader) (_ []Lead, err error) {
				if first {
					if after, more, err = q.begin(r); err != nil || !more {
						return nil, err
					}
				}
				return r.Leads(q, after, act.ExportPage)
			})
			if err != nil {
				yield(Lead{}, err)
				return
			}
			if len(page) > 0 {
				fields := act.ListFields(filters, page, func(l Lead) string { return l.ID })
				e.AuditRead(c, d, "", 0, act.OfPatients(0, fields, page, func(l Lead) int64 { return l.PatientID })...)
			}
			for _, l := range page {
				after = act.Placed(l.ID, l.Meta)
				if !yield(l, nil) {
					return
				}
			}
			more = more && len(page) == act.ExportPage
		}
	}
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

// leadCells is a lead as a row of an export.
func leadCells(l Lead) []string {
	patient := ""
	if l.PatientID != 0 {
		patient = strconv.FormatInt(l.PatientID, 10)
	}
	return []string{l.ExternalID, l.Source, l.Name, l.FirstName, l.LastName, l.Email, l.Phone, string(l.Status),
		cellOfTags(l.Tags), l.Notes, cellOfObject(l.Metadata), cellOfObject(l.Consent), l.ID, patient,
		calendar.UTC(l.CreatedAt), calendar.UTC(l.UpdatedAt)}
}
