//go:build !(darwin || freebsd || linux)

package upkeep

import "errors"

// freeDisk cannot be told here.
func freeDisk(string) (int64, error) { return 0, errors.ErrUnsupported }
