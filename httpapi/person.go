package httpapi

import (
	"qualifybase/engine/directory"
	"qualifybase/engine/people"
)

// What several wire structs say of a person or a place.
type (
	// Address of a location or a person.
	Address struct {
		Line1      string `json:"line1,omitempty" maxLength:"500"`
		Line2      string `json:"line2,omitempty" maxLength:"500"`
		City       string `json:"city,omitempty" maxLength:"100"`
		Region     string `json:"region,omitempty" maxLength:"100"`
		PostalCode string `json:"postal_code,omitempty" maxLength:"100"`
		Country    string `json:"country,omitempty" maxLength:"2"`
	}

	// Phone is a number as typed and in E.164, with a label ("mobile").
	Phone struct {
		Number string `json:"number" maxLength:"100"`
		E164   string `json:"e164,omitempty"`
		Label  string `json:"label,omitempty" maxLength:"100"`
	}

	// Identifier is a number that some system gave the person: an insurer, a hospital.
	Identifier struct {
		System string `json:"system" maxLength:"500"`
		Value  string `json:"value" maxLength:"500"`
	}

	// EmergencyContact is whom to call.
	EmergencyContact struct {
		Name         string `json:"name,omitempty" maxLength:"100"`
		Relationship string `json:"relationship,omitempty" maxLength:"100"`
		Phone        string `json:"phone,omitempty" maxLength:"100"`
	}
)

func phoneOf(p people.Phone) Phone                          { return Phone(p) }
func (p Phone) draft() people.Phone                         { return people.Phone(p) }
func identifierOf(i people.Identifier) Identifier           { return Identifier(i) }
func (i Identifier) draft() people.Identifier               { return people.Identifier(i) }
func (a *Address) draft() *directory.Address                { return (*directory.Address)(a) }
func (e *EmergencyContact) draft() *people.EmergencyContact { return (*people.EmergencyContact)(e) }
