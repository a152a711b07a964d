package httpapi

import "qualifybase/engine"

// Further makes the groups of the packages that add rows, as cmd hands them over.
// They import httpapi, so that only a file of package httpapi_test can set it.
var Further func(*engine.Engine) []Group

// newServer is New with every row of the product.
func newServer(e *engine.Engine, o Options) (*Server, error) {
	o.More = append(o.More, Further(e)...)
	return New(e, o)
}
