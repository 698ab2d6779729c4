//! `#[aioxide::main]` and `#[aioxide::test]`, which the crate `aioxide` exports.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Error, Expr, ExprLit, ItemFn, Lit, Meta, Token};

/// Runs an `async fn main` on a loop. Ctrl-C cancels it, with its clean-up and that of its tasks, and
/// ends the process as Ctrl-C does; a second Ctrl-C ends the process at once.
///
/// ```ignore
/// #[aioxide::main]
/// async fn main() {
///     aioxide::sleep(std::time::Duration::from_secs(1)).await;
/// }
/// ```
///
/// It takes no arguments. Use `aioxide::Runner` where signals are to be left alone.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, function: TokenStream) -> TokenStream {
    expand(function, |function| main_function(arguments.into(), function))
}

/// Makes a test of an `async fn`, which returns nothing or a `Result`.
///
/// | argument | |
/// |---|---|
/// | `virtual_time` | on a clock that jumps to the next deadline when all tasks wait |
/// | `seeds = 200` | 200 times, each in another order of what is ready; `AIOXIDE_SEED=7` tries one |
///
/// ```ignore
/// #[aioxide::test(virtual_time, seeds = 200)]
/// async fn an_hour_passes() {
///     aioxide::sleep(std::time::Duration::from_secs(3600)).await;
/// }
/// ```
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, function: TokenStream) -> TokenStream {
    expand(function, |function| test_function(arguments.into(), function))
}

fn expand(
    function: TokenStream,
    expand: impl FnOnce(ItemFn) -> Result<Tokens, Error>,
) -> TokenStream {
    let expanded = syn::parse::<ItemFn>(function).and_then(expand);
    expanded.unwrap_or_else(Error::into_compile_error).into()
}

/// The function without `async`, or what is wrong with it.
fn without_async(mut function: ItemFn) -> Result<ItemFn, Error> {
    let signature = &mut function.sig;
    if signature.asyncness.take().is_none() {
        let text = format!("`{}` has to be an `async fn`", signature.ident);
        return Err(Error::new_spanned(signature.fn_token, text));
    }
    if let Some(first) = signature.inputs.first() {
        let text = format!("`{}` cannot have parameters", signature.ident);
        return Err(Error::new_spanned(first, text));
    }
    Ok(function)
}

fn main_function(arguments: Tokens, function: ItemFn) -> Result<Tokens, Error> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(arguments, "`#[aioxide::main]` takes no arguments"));
    }
    let ItemFn { attrs, vis, sig, block } = without_async(function)?;
    Ok(quote! {
        #(#attrs)*
        #vis #sig {
            match ::aioxide::Runner::new().run_until_interrupted(async move #block) {
                ::core::result::Result::Ok(result) => result,
                ::core::result::Result::Err(::aioxide::Interrupted) => {
                    ::aioxide::signal::end_process(::aioxide::signal::SIGINT)
                }
            }
        }
    })
}

fn test_function(arguments: Tokens, function: ItemFn) -> Result<Tokens, Error> {
    let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
    let mut plan = quote!(::aioxide::testing::Plan::new());
    for argument in parser.parse2(arguments)? {
        let part = match &argument {
            Meta::Path(path) if path.is_ident("virtual_time") => quote!(.virtual_time()),
            Meta::NameValue(pair) if pair.path.is_ident("seeds") => {
                let seeds = seeds(&pair.value)?;
                quote!(.seeds(#seeds))
            }
            other => {
                let text = format!(
                    "`{}` is none of the arguments of `#[aioxide::test]`: `virtual_time`, `seeds = 200`",
                    quote!(#other)
                );
                return Err(Error::new_spanned(other, text));
            }
        };
        plan.extend(part);
    }
    let ItemFn { attrs, vis, mut sig, block } = without_async(function)?;
    let output = std::mem::replace(&mut sig.output, syn::ReturnType::Default);
    let result = match output {
        syn::ReturnType::Default => quote!(()),
        syn::ReturnType::Type(_, result) => quote!(#result),
    };
    Ok(quote! {
        #[::core::prelude::v1::test]
        #(#attrs)*
        #vis #sig {
            async fn test() -> #result #block
            ::aioxide::testing::check(#plan, test)
        }
    })
}

fn seeds(value: &Expr) -> Result<u64, Error> {
    if let Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) = value
        && let Ok(seeds @ 1..) = number.base10_parse::<u64>()
    {
        return Ok(seeds);
    }
    let text = format!("`seeds` is a number from 1 on, not `{}`", quote!(#value));
    Err(Error::new_spanned(value, text))
}

#[cfg(test)]
mod tests;
