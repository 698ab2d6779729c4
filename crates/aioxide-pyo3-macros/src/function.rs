//! Functions.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Attribute, Error, ItemFn, LitStr, Meta};

use crate::arguments;

pub(crate) fn expand(options: TokenStream, mut function: ItemFn) -> Result<TokenStream, Error> {
    let pyfunction = if options.is_empty() {
        quote!(#[::aioxide_pyo3::expanded::pyo3::pyfunction])
    } else {
        quote!(#[::aioxide_pyo3::expanded::pyo3::pyfunction(#options)])
    };
    if function.sig.asyncness.is_none() {
        return Ok(quote!(#pyfunction #function));
    }
    let arguments = arguments::read(&mut function.sig)?;
    let attributes = std::mem::take(&mut function.attrs);
    let visibility = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);
    let name = function.sig.ident.clone();
    let shown = python_name(&name.to_string(), &attributes, Some(&options))?;
    let parameters = &arguments.parameters;
    // The same name, so that messages of the compiler and `type_name` show it.
    let call = {
        let names = arguments::list(&arguments.names);
        quote!(#name(#names))
    };
    let make =
        coroutine(&shown, &quote!(::core::stringify!(#name)), &arguments, &call, name.span());
    Ok(quote! {
        #pyfunction
        #(#attributes)*
        #visibility fn #name(
            py: ::aioxide_pyo3::expanded::pyo3::Python<'_>,
            #(#parameters),*
        ) -> ::aioxide_pyo3::expanded::pyo3::PyResult<
            ::aioxide_pyo3::expanded::pyo3::Py<::aioxide_pyo3::expanded::pyo3::PyAny>,
        > {
            #function
            let made = #make;
            made.map(::aioxide_pyo3::expanded::pyo3::Bound::unbind)
        }
    })
}

/// The expression that makes the coroutine.
///
/// `path` is the path in the module, as an expression for `concat!`.
pub(crate) fn coroutine(
    qualname: &str,
    path: &TokenStream,
    arguments: &arguments::Arguments,
    call: &TokenStream,
    place: proc_macro2::Span,
) -> TokenStream {
    let held = &arguments.held;
    // The span gives `line!()` the line of the `async fn`.
    let line = quote_spanned!(place=> ::core::line!());
    quote! {{
        static FUNCTION: ::aioxide_pyo3::Function = ::aioxide_pyo3::Function::new(
            #qualname,
            ::core::concat!(::core::module_path!(), "::", #path),
            ::core::file!(),
            #line,
        );
        let references = ::aioxide_pyo3::expanded::References::default();
        #held
        ::aioxide_pyo3::expanded::coroutine_of(
            py,
            &FUNCTION,
            references,
            move || async move {
                #[allow(unused_imports)]
                use ::aioxide_pyo3::expanded::Plain as _;
                ::aioxide_pyo3::expanded::Returned(#call.await).into_output()
            },
        )
    }}
}

/// The name for Python: `name` of `#[pyo3(…)]` or of the macro's own arguments, else the function's.
pub(crate) fn python_name(
    name: &str,
    attributes: &[Attribute],
    options: Option<&TokenStream>,
) -> Result<String, Error> {
    let lists = attributes.iter().filter(|attribute| attribute.path().is_ident("pyo3")).filter_map(
        |attribute| match &attribute.meta {
            Meta::List(list) => Some(&list.tokens),
            _ => None,
        },
    );
    for tokens in lists.chain(options) {
        if let Some(found) = name_in(tokens.clone())? {
            return Ok(found);
        }
    }
    Ok(name.trim_start_matches("r#").to_owned())
}

/// The text of `name = "…"` in a list of options, whatever the others are.
fn name_in(tokens: TokenStream) -> Result<Option<String>, Error> {
    let mut tokens = tokens.into_iter().peekable();
    let mut begins = true;
    while let Some(token) = tokens.next() {
        let is_name = begins && matches!(&token, proc_macro2::TokenTree::Ident(it) if it == "name");
        begins = matches!(&token, proc_macro2::TokenTree::Punct(it) if it.as_char() == ',');
        if is_name
            && matches!(tokens.peek(), Some(proc_macro2::TokenTree::Punct(it)) if it.as_char() == '=')
        {
            tokens.next();
            let Some(value) = tokens.next() else { return Ok(None) };
            let place = value.span();
            let text: LitStr =
                syn::parse2(value.into()).map_err(|_| Error::new(place, "`name` is a text"))?;
            return Ok(Some(text.value()));
        }
    }
    Ok(None)
}
