;; A core module in the way WASI preview 1 toolchains make them: prints a line, asks who the user
;; is, logs, and answers 200 with the user error's number as its body (9 when there was none).
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "alga:extension/logging" "log-warn" (func $log_warn (param i32 i32)))
  (import "alga:extension/user" "get-user" (func $get_user (param i32)))
  (memory (export "memory") 8)
  (global $next (mut i32) (i32.const 65536))
  (data (i32.const 8) "printed by a core module\n")
  (data (i32.const 48) "logged by a core module")
  ;; The one iovec of the line, and the answer: status, no headers, a body of one byte at 400.
  (data (i32.const 96) "\08\00\00\00\19\00\00\00")
  (data (i32.const 128) "\c8\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\90\01\00\00\01\00\00\00")

  (func (export "cabi_realloc") (param $old i32) (param $was i32) (param $align i32) (param $size i32)
    (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))

  (func (export "handler") (param $request i32) (result i32)
    (drop (call $fd_write (i32.const 1) (i32.const 96) (i32.const 1) (i32.const 112)))
    (call $get_user (i32.const 256))
    (call $log_warn (i32.const 48) (i32.const 23))
    ;; The result: 1 for an error at 256, its case at 260.
    (i32.store8 (i32.const 400)
      (select (i32.add (i32.load8_u (i32.const 260)) (i32.const 48)) (i32.const 57)
        (i32.load8_u (i32.const 256))))
    (i32.const 128)))
