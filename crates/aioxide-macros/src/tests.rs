use proc_macro2::TokenStream;
use quote::quote;
use syn::{ItemFn, parse_quote};

use super::{main_function, test_function};

fn refused(expanded: Result<TokenStream, syn::Error>) -> String {
    expanded.expect_err("it should have been refused").to_string()
}

fn good() -> ItemFn {
    parse_quote!(
        async fn name() {}
    )
}

#[test]
fn a_test_becomes_a_plan() {
    let expanded = test_function(quote!(virtual_time, seeds = 200), good()).unwrap().to_string();
    assert!(expanded.contains("Plan :: new () . virtual_time () . seeds (200u64)"), "{expanded}");
    assert!(test_function(quote!(), good()).is_ok());
    let returns = parse_quote!(
        async fn name() -> Result<(), u8> {
            Ok(())
        }
    );
    let expanded = test_function(quote!(), returns).unwrap().to_string();
    assert!(expanded.contains("async fn test () -> Result < () , u8 >"), "{expanded}");
}

#[test]
fn attributes_of_the_function_stay() {
    let panics = parse_quote!(
        #[should_panic = "text"]
        async fn name() {}
    );
    let expanded = test_function(quote!(), panics).unwrap().to_string();
    assert!(expanded.contains("# [should_panic = \"text\"]"), "{expanded}");
}

#[test]
fn unknown_arguments_are_named() {
    assert_eq!(
        refused(test_function(quote!(virtual_tim), good())),
        "`virtual_tim` is none of the arguments of `#[aioxide::test]`: `virtual_time`, `seeds = 200`"
    );
    assert_eq!(
        refused(main_function(quote!(threads = 4), good())),
        "`#[aioxide::main]` takes no arguments"
    );
}

#[test]
fn seeds_are_numbers() {
    for (given, shown) in [
        (quote!(seeds = 0), "0"),
        (quote!(seeds = "many"), "\"many\""),
        (quote!(seeds = -1), "- 1"),
    ] {
        assert_eq!(
            refused(test_function(given, good())),
            format!("`seeds` is a number from 1 on, not `{shown}`")
        );
    }
}

#[test]
fn other_functions_are_refused() {
    let plain: ItemFn = parse_quote!(
        fn name() {}
    );
    assert_eq!(refused(main_function(quote!(), plain)), "`name` has to be an `async fn`");
    let with_parameters: ItemFn = parse_quote!(
        async fn name(number: u8) {}
    );
    assert_eq!(refused(main_function(quote!(), with_parameters)), "`name` cannot have parameters");
}
