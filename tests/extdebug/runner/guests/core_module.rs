// A guest in Rust: a line on each output, a log call, a failed getUser that it handles. The calls are
// written as bindings generators write them, so that the compiler alone is needed.

#[link(wasm_import_module = "alga:extension/logging")]
extern "C" {
    #[link_name = "log-info"]
    fn log_info(text: *const u8, length: usize);
}

#[link(wasm_import_module = "alga:extension/user-v2")]
extern "C" {
    #[link_name = "get-user"]
    fn get_user(result: *mut u8);
}

// Called by name, or the linker calls it around every export, `cabi_realloc` included, where a guest
// may not call out.
extern "C" {
    fn __wasm_call_ctors();
}

#[repr(C)]
pub struct Response {
    status: u16,
    headers: *const u8,
    header_count: usize,
    has_body: u8,
    body: *const u8,
    length: usize,
}

#[export_name = "cabi_realloc"]
pub unsafe extern "C" fn cabi_realloc(old: *mut u8, was: usize, align: usize, size: usize) -> *mut u8 {
    use std::alloc::{alloc, realloc, Layout};
    if size == 0 {
        return align as *mut u8;
    }
    if was == 0 {
        return alloc(Layout::from_size_align(size, align).unwrap());
    }
    realloc(old, Layout::from_size_align(was, align).unwrap(), size)
}

#[export_name = "handler"]
pub unsafe extern "C" fn handler(_request: *const u8) -> *const Response {
    __wasm_call_ctors();
    println!("printed by Rust");
    eprintln!("INFO to stderr by Rust");
    let said = "logged by Rust: grüße";
    log_info(said.as_ptr(), said.len());
    let mut user = [0u64; 16];
    let result = user.as_mut_ptr() as *mut u8;
    get_user(result);
    // An error is tagged 1, and its payload begins at the alignment of the record in the other case.
    let body = if *result == 1 { format!("user error {}", *result.add(4)) } else { "a user".into() };
    let body = Box::leak(body.into_boxed_str());
    Box::leak(Box::new(Response {
        status: 201, headers: std::ptr::NonNull::<u32>::dangling().as_ptr() as *const u8, header_count: 0, has_body: 1,
        body: body.as_ptr(), length: body.len(),
    }))
}
