package httpapi

import "slices"

// table is the route table: the whole API, a file of rows per resource.
func (s *Server) table() []Row {
	return slices.Concat(
		s.healthRows(),
	)
}
