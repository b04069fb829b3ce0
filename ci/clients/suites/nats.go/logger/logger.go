// Package logger stands for nats-server's package of this name; nothing is ever logged here.
package logger

// Logger drops what it is told.
type Logger struct{}

// LogUTC is an option of loggers.
type LogUTC bool

func (*Logger) Noticef(string, ...any)   {}
func (*Logger) Warnf(string, ...any)     {}
func (*Logger) Fatalf(string, ...any)    {}
func (*Logger) Errorf(string, ...any)    {}
func (*Logger) Debugf(string, ...any)    {}
func (*Logger) Tracef(string, ...any)    {}
func (*Logger) SetSizeLimit(int64) error { return nil }
func (*Logger) SetMaxNumFiles(int) error { return nil }
func (*Logger) Close() error             { return nil }

func NewFileLogger(string, bool, bool, bool, bool, ...any) *Logger { return &Logger{} }
func NewStdLogger(bool, bool, bool, bool, bool, ...any) *Logger    { return &Logger{} }
func NewSysLogger(bool, bool) *Logger                              { return &Logger{} }
func NewRemoteSysLogger(string, bool, bool) *Logger                { return &Logger{} }
