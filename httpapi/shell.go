package httpapi

import "qualifybase/engine"

// ClinicOf is the clinic object, for other faces that show the same.
func ClinicOf(c engine.Clinic) Clinic { return clinic(c) }

// AuditOf is the audit row, for other faces that show the same.
func AuditOf(a engine.AuditEntry) AuditEntry { return auditEntry(a) }

// SlotOf is the slot object, for other faces that show the same.
func SlotOf(s engine.Slot) Slot { return slot(s) }
