package cmd

// Everybody here is invented, and the addresses are of a domain that nobody has.

type demoProvider struct {
	name, specialty, hours, breaks string
	service                        int // what fills their days
}

var demoProviders = []demoProvider{
	{"Dr. Mira Voss", "General practice", "Mon-Fri 08:00-16:00", "Mon-Fri 12:00-13:00", 0},
	{"Dr. Jonas Adler", "General practice", "Mon-Thu 10:00-18:00; Sat 09:00-12:00", "Mon-Thu 13:30-14:15", 1},
	{"Lena Okafor", "Physiotherapy", "Mon-Fri 08:00-15:00", "Mon-Fri 11:30-12:00", 2},
	{"Dr. Selin Demirel", "Dermatology", "Tue-Fri 09:00-17:00", "Tue-Fri 12:30-13:15", 3},
}

var demoServices = []struct {
	name    string
	minutes int
	after   int  // buffer, minutes
	who     int  // the one provider who offers it; -1 = all
	room    bool // needs a room
}{
	{"Check-up", 30, 0, -1, false},
	{"Consultation", 45, 0, -1, false},
	{"Physiotherapy", 45, 10, 2, true},
	{"Skin check", 30, 5, 3, true},
}

var demoLeads = []string{
	"Anna Bergmann", "Tobias Kern", "Yusuf Aslan", "Clara Winter", "Mehmet Korkmaz", "Sophie Laurent", "Piotr Zielinski",
	"Emma Lindqvist",
	"Noah Fischer", "Ines Carvalho", "Lukas Brandt", "Amira Haddad", "Jan de Wit", "Greta Sommer", "Olga Petrenko",
	"Matteo Ricci",
	"Hannah Vogt", "Samuel Osei", "Ida Kristiansen", "Felix Neumann", "Lea Hoffmann", "Ravi Menon", "Paula Reyes",
	"David Stern",
	"Zoe Papadakis", "Moritz Falk", "Elif Yildiz", "Karl Jansson", "Nora Egger", "Hugo Martin", "Thea Holm",
	"Daniel Novak",
	"Mila Horvat", "Oskar Lang", "Rosa Blum", "Ivan Marin", "Julia Wolff", "Adam Kowal", "Marta Sala", "Ben Ritter",
}
