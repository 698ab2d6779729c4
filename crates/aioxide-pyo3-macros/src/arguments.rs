//! Parameters of an `async fn`.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, FnArg, GenericArgument, PathArguments, Signature, Token, Type};

/// What a function becomes: one that takes the same from Python and makes a coroutine.
pub(crate) struct Arguments {
    /// The parameters for PyO3, but for the token.
    pub(crate) parameters: Vec<TokenStream>,
    /// Keeps those of type `Held`.
    pub(crate) held: TokenStream,
    /// Their names.
    pub(crate) names: Vec<Ident>,
}

/// Reads the parameters of `signature`, and takes attributes for PyO3 away from them.
pub(crate) fn read(signature: &mut Signature) -> Result<Arguments, Error> {
    let name = signature.ident.clone();
    if let Some(parameter) = signature.generics.params.first() {
        let text = format!("`{name}` cannot be generic: Python calls one function");
        return Err(Error::new_spanned(parameter, text));
    }
    let mut arguments =
        Arguments { parameters: Vec::new(), held: TokenStream::new(), names: Vec::new() };
    for (index, input) in signature.inputs.iter_mut().enumerate() {
        let parameter = match input {
            FnArg::Receiver(receiver) => {
                let text = format!(
                    "`{name}` lives longer than the call that makes it: take `slf: Py<Self>` \
                     instead of `{}`, or `slf: Held<Self>` if the object may lead back to the coroutine",
                    quote!(#receiver).to_string().replace(' ', "")
                );
                return Err(Error::new_spanned(receiver, text));
            }
            FnArg::Typed(parameter) => parameter,
        };
        if let Some(borrowed) = borrowed(&parameter.ty) {
            let text = format!(
                "`{name}` lives longer than the call that makes it, so it cannot take `{}`: take \
                 `Py<…>`, `String` or another type that owns what it has",
                shown(&parameter.ty)
            );
            return Err(Error::new(borrowed, text));
        }
        // Patterns belong to the body; PyO3 needs a name, which is also that of a keyword.
        let name = match &*parameter.pat {
            syn::Pat::Ident(pattern) if pattern.subpat.is_none() => pattern.ident.clone(),
            _ => format_ident!("argument{index}"),
        };
        let attributes: Vec<Attribute> = std::mem::take(&mut parameter.attrs);
        let kind = match held(&parameter.ty) {
            Some(object) => {
                arguments.held.extend(quote! {
                    let #name = references.hold(#name);
                });
                quote!(::aioxide_pyo3::expanded::pyo3::Bound<'_, #object>)
            }
            None => parameter.ty.to_token_stream(),
        };
        arguments.parameters.push(quote!(#(#attributes)* #name: #kind));
        arguments.names.push(name);
    }
    Ok(arguments)
}

/// `T` of `Held<T>`.
fn held(kind: &Type) -> Option<&Type> {
    let Type::Path(path) = kind else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Held")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(object) if arguments.args.len() == 1 => Some(object),
        _ => None,
    }
}

/// Where a type borrows: a reference, a lifetime other than `'static`, or a type of PyO3's that has
/// one which need not be written.
fn borrowed(kind: &Type) -> Option<proc_macro2::Span> {
    let mut before: Option<char> = None;
    let mut stack: Vec<_> = kind.to_token_stream().into_iter().collect();
    stack.reverse();
    while let Some(token) = stack.pop() {
        match token {
            TokenTree::Group(group) => {
                let mut inner: Vec<_> = group.stream().into_iter().collect();
                inner.reverse();
                stack.extend(inner);
                before = None;
            }
            TokenTree::Punct(punct) => {
                if punct.as_char() == '&' {
                    return Some(punct.span());
                }
                before = Some(punct.as_char());
            }
            TokenTree::Ident(ident) => {
                let is_lifetime = before == Some('\'');
                let borrows = ["Bound", "Borrowed", "Python", "PyRef", "PyRefMut"];
                if is_lifetime && ident != "static" || borrows.iter().any(|it| ident == it) {
                    return Some(ident.span());
                }
                before = None;
            }
            TokenTree::Literal(_) => before = None,
        }
    }
    None
}

fn shown(kind: &Type) -> String {
    let text = quote!(#kind).to_string();
    text.replace(" < ", "<")
        .replace("< ", "<")
        .replace(" >", ">")
        .replace("& ", "&")
        .replace(" ,", ",")
}

/// `names` as a list of arguments.
pub(crate) fn list(names: &[Ident]) -> Punctuated<&Ident, Token![,]> {
    names.iter().collect()
}
