use proc_macro2::TokenStream;
use quote::quote;
use syn::parse_quote;

use super::{function, methods};

fn refused(expanded: Result<TokenStream, syn::Error>) -> String {
    expanded.expect_err("it should have been refused").to_string()
}

fn shown(expanded: Result<TokenStream, syn::Error>) -> String {
    expanded.unwrap().to_string()
}

#[test]
fn a_function_becomes_one_that_makes_a_coroutine() {
    let expanded = shown(function::expand(
        quote!(signature = (a, b = None)),
        parse_quote! {
            /// What it does.
            pub async fn later(a: i64, b: Option<String>) -> PyResult<i64> { Ok(a) }
        },
    ));
    for part in [
        "pyfunction (signature = (a , b = None))",
        "# [doc = r\" What it does.\"] pub fn later (py :",
        "a : i64 , b : Option < String >",
        "async fn later (a : i64 , b : Option < String >) -> PyResult < i64 >",
        "later (a , b) . await",
        "Function :: new (\"later\"",
    ] {
        assert!(expanded.contains(part), "no {part} in {expanded}");
    }
}

#[test]
fn other_functions_are_left_alone() {
    let expanded = shown(function::expand(
        quote!(),
        parse_quote!(
            fn now() {}
        ),
    ));
    assert_eq!(expanded, "# [:: aioxide_pyo3 :: expanded :: pyo3 :: pyfunction] fn now () { }");
}

#[test]
fn the_name_for_python_is_that_of_pyo3() {
    for (options, item) in [
        (
            quote!(),
            parse_quote!(
                #[pyo3(signature = (name = "x"), name = "get")]
                async fn a(name: String) {}
            ),
        ),
        (
            quote!(name = "get"),
            parse_quote!(
                async fn a() {}
            ),
        ),
        (
            quote!(),
            parse_quote!(
                async fn r#get() {}
            ),
        ),
    ] {
        let expanded = shown(function::expand(options, item));
        assert!(expanded.contains("Function :: new (\"get\""), "{expanded}");
    }
}

#[test]
fn a_held_argument_is_kept_for_the_collector() {
    let item = parse_quote!(
        async fn call(callback: Held<PyAny>) {}
    );
    let expanded = shown(function::expand(quote!(), item));
    assert!(
        expanded.contains("callback : :: aioxide_pyo3 :: expanded :: pyo3 :: Bound < '_ , PyAny >")
    );
    assert!(expanded.contains("let callback = references . hold (callback)"), "{expanded}");
}

#[test]
fn borrowed_arguments_are_refused() {
    for (item, named) in [
        (
            parse_quote!(
                async fn f(text: &str) {}
            ),
            "`&str`",
        ),
        (
            parse_quote!(
                async fn f(it: Bound<'_, PyAny>) {}
            ),
            "`Bound<'_, PyAny>`",
        ),
        (
            parse_quote!(
                async fn f(it: Option<PyRef<Client>>) {}
            ),
            "`Option<PyRef<Client>>`",
        ),
        (
            parse_quote!(
                async fn f(it: Cow<'a, str>) {}
            ),
            "`Cow<'a, str>`",
        ),
        (
            parse_quote!(
                async fn f(py: Python) {}
            ),
            "`Python`",
        ),
    ] {
        let text = refused(function::expand(quote!(), item));
        assert!(text.contains("lives longer than the call") && text.contains(named), "{text}");
    }
    let owned = parse_quote!(
        async fn f(it: Cow<'static, str>) {}
    );
    assert!(function::expand(quote!(), owned).is_ok());
}

#[test]
fn generic_functions_are_refused() {
    let item = parse_quote!(
        async fn f<T>(it: T) {}
    );
    assert_eq!(
        refused(function::expand(quote!(), item)),
        "`f` cannot be generic: Python calls one function"
    );
}

#[test]
fn an_async_method_is_called_by_one_for_python() {
    let expanded = shown(methods::expand(
        quote!(),
        parse_quote! {
            impl Client {
                #[new]
                fn new() -> Self { Client }
                /// Asks.
                #[pyo3(signature = (key, *, timeout = None))]
                async fn get(slf: Py<Self>, key: String, timeout: Option<f64>) -> PyResult<String> {
                    slf.get().ask(key).await
                }
            }
        },
    ));
    for part in [
        "fn new () -> Self",
        "# [pyo3 (signature = (key , * , timeout = None))] # [pyo3 (name = \"get\")] fn coroutine_of_method_get (slf : Py < Self > , py :",
        "Function :: new (\"Client.get\"",
        "impl Client { # [doc = r\" Asks.\"] async fn get (slf : Py < Self >",
        "Self :: get (slf , key , timeout) . await",
    ] {
        assert!(expanded.contains(part), "no {part} in {expanded}");
    }
}

#[test]
fn methods_take_their_object_as_they_keep_it() {
    let item = parse_quote!(
        impl Client {
            async fn get(&self) {}
        }
    );
    let text = refused(methods::expand(quote!(), item));
    assert!(text.contains("take `slf: Py<Self>` instead of `&self`"), "{text}");
    let item = parse_quote!(
        impl Client {
            async fn get() {}
        }
    );
    let text = refused(methods::expand(quote!(), item));
    assert!(text.contains("`get` needs its object"), "{text}");
    let item = parse_quote!(
        impl Client {
            #[staticmethod]
            async fn get(key: String) {}
        }
    );
    let expanded = shown(methods::expand(quote!(), item));
    assert!(expanded.contains("# [staticmethod]"), "{expanded}");
}
