//! Methods.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{Attribute, Error, ImplItem, ImplItemFn, ItemImpl, Type, parse_quote};

use crate::{arguments, function};

/// Attributes of methods that stay with what PyO3 sees.
const OF_PYO3: [&str; 8] =
    ["pyo3", "staticmethod", "classmethod", "new", "getter", "setter", "classattr", "args"];

pub(crate) fn expand(options: TokenStream, mut methods: ItemImpl) -> Result<TokenStream, Error> {
    let class = (*methods.self_ty).clone();
    let mut bodies = Vec::new();
    for item in &mut methods.items {
        if let ImplItem::Fn(method) = item
            && method.sig.asyncness.is_some()
        {
            let body = replace(&class, method)?;
            bodies.push(body);
        }
    }
    let pymethods = if options.is_empty() {
        quote!(#[::aioxide_pyo3::expanded::pyo3::pymethods])
    } else {
        quote!(#[::aioxide_pyo3::expanded::pyo3::pymethods(#options)])
    };
    let bodies = (!bodies.is_empty()).then(|| quote!(impl #class { #(#bodies)* }));
    Ok(quote!(#pymethods #methods #bodies))
}

/// Puts what PyO3 calls into the place of an `async fn`, and returns that.
fn replace(class: &Type, method: &mut ImplItemFn) -> Result<ImplItemFn, Error> {
    let mut body = method.clone();
    let arguments = arguments::read(&mut body.sig)?;
    let name = body.sig.ident.clone();
    let shown = function::python_name(&name.to_string(), &body.attrs, None)?;
    let is_free = body.attrs.iter().any(|it| it.path().is_ident("staticmethod"));
    if arguments.names.is_empty() && !is_free {
        let text =
            format!("`{name}` needs its object: `slf: Py<Self>`, or it is a `#[staticmethod]`");
        return Err(Error::new_spanned(&body.sig, text));
    }
    let (kept, given): (Vec<Attribute>, Vec<Attribute>) =
        body.attrs.drain(..).partition(|it| !is_for_python(it));
    body.attrs = kept.into_iter().filter(|it| !it.path().is_ident("doc")).collect();
    let is_named = given.iter().any(|it| {
        it.path().is_ident("pyo3")
            && function::python_name("", std::slice::from_ref(it), None)
                .is_ok_and(|it| !it.is_empty())
    });
    let renamed = (!is_named).then(|| quote!(#[pyo3(name = #shown)]));
    // Documentation is for both; conditions too.
    let shared =
        method.attrs.iter().filter(|it| it.path().is_ident("doc") || it.path().is_ident("cfg"));
    let shared: Vec<_> = shared.cloned().collect();
    body.attrs.extend(shared.iter().filter(|it| it.path().is_ident("doc")).cloned());
    let class_name = class_name(class);
    let qualname = format!("{class_name}.{shown}");
    let path = {
        let path = format!("{class_name}::{name}");
        quote!(#path)
    };
    let names = arguments::list(&arguments.names);
    let call = quote!(Self::#name(#names));
    let make = function::coroutine(&qualname, &path, &arguments, &call, name.span());
    let kind = if shown.starts_with("__") { "special" } else { "method" };
    let wrapper = format_ident!("coroutine_of_{kind}_{}", name.to_string().trim_matches('_'));
    let mut parameters = arguments.parameters.iter();
    let first = (!is_free).then(|| parameters.next()).flatten().map(|it| quote!(#it,));
    *method = parse_quote! {
        #(#shared)*
        #(#given)*
        #renamed
        fn #wrapper(
            #first
            py: ::aioxide_pyo3::expanded::pyo3::Python<'_>,
            #(#parameters),*
        ) -> ::aioxide_pyo3::expanded::pyo3::PyResult<
            ::aioxide_pyo3::expanded::pyo3::Py<::aioxide_pyo3::expanded::pyo3::PyAny>,
        > {
            let made = #make;
            made.map(::aioxide_pyo3::expanded::pyo3::Bound::unbind)
        }
    };
    Ok(body)
}

fn is_for_python(attribute: &Attribute) -> bool {
    OF_PYO3.iter().any(|name| attribute.path().is_ident(name))
}

/// The last word of the class's type.
fn class_name(class: &Type) -> String {
    match class {
        Type::Path(path) => path.path.segments.last().map(|it| it.ident.to_string()),
        _ => None,
    }
    .unwrap_or_else(|| class.to_token_stream().to_string())
}
