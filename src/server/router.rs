//! From the route table to actix-web, and one request from its arrival to its response: limits, door, handler on a
//! blocking thread, headers. The only file that names actix routing.
//!
//! Not for: what stands behind a path (`routes` and the handlers).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::access::RequestContext;
use crate::limits::{REQUEST_BODY_MAX, UPLOAD_MAX};

use super::answer::{ApiError, Body};
use super::area::Area;
use super::call::Call;
use super::door;
use super::events;
use super::fault;
use super::headers;
use super::multipart::{self, Parts};
use super::packed::packed;
use super::rate::caller_of;
use super::routes::{Method, Route, routes};
use super::signin::window;
use super::state::{App, Transport};
use super::stream::{FileStream, PackedStream};

/// Longest path with query, in bytes.
const URL_MAX: usize = 8 << 10;
/// Longest request head without the request line, in bytes.
const HEADERS_MAX: usize = 16 << 10;
/// Most query and form parameters together.
const PARAMETERS_MAX: usize = 200;
/// How long a request body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a file may take to arrive.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(60);

/// All routes of one path.
pub(super) type Group = Arc<Vec<&'static Route>>;

/// Registers the table with actix-web.
pub fn configure(app: Arc<App>) -> impl Fn(&mut web::ServiceConfig) + Clone {
    let mut groups: Vec<(&'static str, Vec<&'static Route>)> = Vec::new();
    for route in routes() {
        match groups.iter_mut().find(|(path, _)| *path == route.path) {
            Some((_, group)) => group.push(route),
            None => groups.push((route.path, vec![route])),
        }
    }
    let groups: Vec<(&'static str, Group)> = groups.into_iter().map(|(path, group)| (path, Arc::new(group))).collect();
    move |config| {
        for (path, group) in &groups {
            let resource =
                |path: String| {
                    let (app, group) = (app.clone(), group.clone());
                    web::resource(path).route(web::route().to(move |request: HttpRequest, payload: web::Payload| {
                        respond(app.clone(), group.clone(), request, payload)
                    }))
                };
            config.service(resource((*path).to_string()));
            // What a signed-in person opens is there in each of his windows on launched patients too.
            if group.iter().any(|route| route.is_for_sessions()) {
                config.service(resource(format!("{}{path}", window::TEMPLATE)));
            }
        }
        let app = app.clone();
        config.default_service(
            web::route()
                .to(move |request: HttpRequest, payload: web::Payload| respond(app.clone(), Group::default(), request, payload)),
        );
    }
}

pub(super) async fn respond(app: Arc<App>, group: Group, request: HttpRequest, payload: web::Payload) -> HttpResponse {
    let started = Instant::now();
    let id = request_id(&request);
    let area = Area::of(window::bare_path(request.path()));
    let template = group.first().map_or("none", |route| route.path);
    let result = handle(&app, &group, &request, payload, &id).await;
    let mut body = result.unwrap_or_else(|error| fault::of_area(error, area));
    if let Some(origin) = foreign_origin(&app, area, &request) {
        body = body.with("Access-Control-Allow-Origin", origin).with("Vary", "Origin, Accept, Authorization, Prefer");
        body = body.with("Access-Control-Expose-Headers", "Content-Location, ETag, Location, X-Progress, X-Request-Id");
    }
    super::health::count(request.method().as_str(), template, body.status, started.elapsed());
    response(app.transport, body, &id)
}

async fn handle(app: &Arc<App>, group: &Group, request: &HttpRequest, payload: web::Payload, id: &str) -> Result<Body, ApiError> {
    check_limits(request)?;
    let area = Area::of(window::bare_path(request.path()));
    if request.method() == "OPTIONS" && foreign_origin(app, area, request).is_some() {
        return Ok(preflight());
    }
    let route = choose(group, area, request.method().as_str())?;
    let sent = read_form(route, request, payload).await?;
    let call = open_call(app, route, request, sent, id)?;
    let handler = route.handler;
    let door = route.door;
    let work = move || {
        let mut call = call;
        let result = door::enter(&mut call, door, area).and_then(|redirect| match redirect {
            Some(redirect) => Ok(redirect),
            None => check_rate(&call).and_then(|()| handler(&call)).map(super::answer::Answer::into_body),
        });
        // A page of the viewer shows who is signed in, also when it says that something went wrong.
        let result = result.or_else(|error| if area == Area::Viewer { Ok(fault::page(error, &call)) } else { Err(error) });
        result.map(|body| packed(&call, area, window::dress(&call, body)))
    };
    // What takes longer is not waited for. Its entry may still be written, which says too much rather than too little.
    let limit = Duration::from_secs(u64::from(app.config.http.answer_seconds));
    match tokio::time::timeout(limit, web::block(work)).await {
        Err(_) => {
            tracing::warn!(request_id = id, route = route.path, "an answer took too long");
            let text = "The answer took too long. Ask for less at a time.";
            Err(ApiError::new(503, "too-slow", "timeout", text).with("Retry-After", "10"))
        }
        Ok(Ok(result)) => result,
        // A panic in the handler ends its blocking task and arrives here as an error without its text.
        Ok(Err(_)) => {
            tracing::error!(request_id = id, route = route.path, "a handler failed unexpectedly");
            Err(ApiError::internal())
        }
    }
}

/// The route of this method. A path with other methods answers 405 and names them; so does every write under `/fhir`,
/// whatever its path, since a FHIR client must learn that this archive is read-only.
fn choose(group: &Group, area: Area, method: &str) -> Result<&'static Route, ApiError> {
    let reading = matches!(method, "GET" | "HEAD");
    let wanted = if reading { "GET" } else { method };
    if let Some(route) = group.iter().find(|route| route.method.name() == wanted) {
        return Ok(route);
    }
    if group.is_empty() && (reading || area != Area::Fhir) {
        return Err(ApiError::new(404, "no-such-path", "not-found", "There is nothing at this path."));
    }
    let mut allow: BTreeSet<&str> = group.iter().map(|route| route.method.name()).collect();
    if allow.is_empty() || allow.contains("GET") {
        allow.extend(["GET", "HEAD"]);
    }
    let allow: Vec<&str> = allow.into_iter().collect();
    let text = "The archive is read-only: this method is not offered here.";
    Err(ApiError::new(405, "method-not-allowed", "not-supported", text).with("Allow", allow.join(", ")))
}

/// The origin of a page elsewhere that may read `/fhir` by script: one of the configured ones, to the letter. Cookies never
/// open that area, so no credentials are allowed (spec access.md §10).
fn foreign_origin<'r>(app: &App, area: Area, request: &'r HttpRequest) -> Option<&'r str> {
    let origin = request.headers().get("origin")?.to_str().ok()?;
    (area == Area::Fhir && app.config.http.origins.iter().any(|allowed| allowed == origin)).then_some(origin)
}

fn preflight() -> Body {
    Body::new(super::answer::TEXT, "")
        .status(204)
        .with("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE")
        .with("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Prefer, X-Request-Id")
        .with("Access-Control-Max-Age", "600")
}

/// Holds back who asks too often. What needs no principal holds no patient data and costs next to nothing.
fn check_rate(call: &Call) -> Result<(), ApiError> {
    let Some(principal) = &call.principal else { return Ok(()) };
    call.app.rates.request(&caller_of(principal)).map_err(|exceeded| events::rate_limited(call, "requests", exceeded))
}

fn check_limits(request: &HttpRequest) -> Result<(), ApiError> {
    if request.uri().path_and_query().map_or(0, |p| p.as_str().len()) > URL_MAX {
        return Err(ApiError::new(414, "url-too-long", "too-long", "The address is longer than 8 KiB."));
    }
    let size: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if size > HEADERS_MAX {
        return Err(ApiError::new(431, "headers-too-long", "too-long", "The request headers are longer than 16 KiB."));
    }
    Ok(())
}

async fn read_form(route: &Route, request: &HttpRequest, payload: web::Payload) -> Result<Parts, ApiError> {
    if route.method != Method::Post {
        return Ok(Parts::default());
    }
    let (most, within) = if route.takes_file { (UPLOAD_MAX, UPLOAD_TIMEOUT) } else { (REQUEST_BODY_MAX, BODY_TIMEOUT) };
    let too_long = || {
        let text = format!("The request body is longer than {} MiB.", most >> 20);
        ApiError::new(413, "body-too-long", "too-long", text)
    };
    let broken = || ApiError::bad("The request body could not be read.");
    let declared = request.headers().get("content-length").and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
    if declared.is_some_and(|n| n > most) {
        return Err(too_long());
    }
    let body = match tokio::time::timeout(within, payload.to_bytes_limited(most)).await {
        Err(_) => return Err(ApiError::new(408, "body-too-slow", "timeout", "The request body did not arrive in time.")),
        Ok(Err(_)) => return Err(too_long()),
        Ok(Ok(bytes)) => bytes.map_err(|_| broken())?,
    };
    let kind = request.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or("");
    if body.is_empty() {
        return Ok(Parts::default());
    }
    if route.area() == Area::Api {
        return Ok(Parts { body: body.into(), ..Parts::default() });
    }
    if let Some(boundary) = multipart::boundary(kind).filter(|_| route.takes_file) {
        return multipart::parts(&body, &boundary).ok_or_else(broken);
    }
    // What an operation of FHIR is asked may come as a resource.
    if route.area() == Area::Fhir && route.path.contains("/$") && is_json(kind) {
        let fields = super::fhir::bulk::parameters(&body);
        let fields = fields.ok_or_else(|| ApiError::bad("The request body is no Parameters resource."))?;
        return Ok(Parts { fields, ..Parts::default() });
    }
    if !kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded") {
        let text = "The request body must be application/x-www-form-urlencoded.";
        return Err(ApiError::new(415, "unsupported-media-type", "not-supported", text));
    }
    let fields = pairs(std::str::from_utf8(&body).map_err(|_| broken())?)?;
    Ok(Parts { fields, ..Parts::default() })
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    ["application/fhir+json", "application/json"].contains(&kind.as_str())
}

/// Decodes `a=b&c=d`; an error when it is not UTF-8 or holds too many parameters.
pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, ApiError> {
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8().map(|s| s.into_owned())
    };
    let mut out = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (decode(name), decode(value)) {
            (Ok(name), Ok(value)) if !value.contains('\0') => out.push((name, value)),
            _ => return Err(ApiError::bad("The parameters are not valid UTF-8 text.")),
        }
        if out.len() > PARAMETERS_MAX {
            return Err(ApiError::too_costly("There are more than 200 parameters."));
        }
    }
    Ok(out)
}

fn open_call(app: &Arc<App>, route: &Route, request: &HttpRequest, sent: Parts, id: &str) -> Result<Call, ApiError> {
    let Parts { fields: form, file, body } = sent;
    if request.query_string().contains("access_token=") {
        return Err(ApiError::bad("A token in the address would end in logs: send it in the Authorization header."));
    }
    let mut query = pairs(request.query_string())?;
    if route.area() == Area::Fhir {
        query.extend(form.iter().cloned());
    }
    let params = request.match_info().iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    let header = |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok());
    let peer = request.peer_addr().map(|addr| addr.ip());
    let trusted = app.trusts(peer);
    let forwarded = |name: &str| header(name).filter(|_| trusted);
    // The proxy appends the address it saw, so the last one is its word and not the client's.
    let client = forwarded("x-forwarded-for").and_then(|list| list.rsplit(',').next()).map(|ip| ip.trim().to_string());
    let context = RequestContext {
        ip: client.or_else(|| peer.map(|peer| peer.to_string())),
        user_agent: header("user-agent").map(|agent| agent.chars().take(300).collect()),
        request_id: id.to_string(),
        method: request.method().to_string(),
        path: logged_path(request),
        applies_scopes: route.area() == Area::Fhir,
    };
    let secure = app.transport == Transport::Tls || forwarded("x-forwarded-proto") == Some("https");
    let host = header("host").or_else(|| request.uri().authority().map(|a| a.as_str())).filter(|host| is_host(host));
    let base = format!("{}://{}", if secure { "https" } else { "http" }, host.unwrap_or("localhost"));
    Ok(Call {
        app: app.clone(),
        principal: None,
        session: None,
        window: None,
        params,
        query,
        headers: request.headers().clone(),
        form,
        file,
        body,
        base,
        context,
    })
}

/// Path and query as received, without the query where it holds the secrets of a sign-in: the log is no place for them.
fn logged_path(request: &HttpRequest) -> String {
    let path = request.path();
    let holds_secrets = path.starts_with("/signin/callback") || path == "/launch" || path.starts_with("/launch/");
    // A recipient's link opens a package: the log is no place for it either.
    if path.starts_with("/r/") {
        return "/r/".into();
    }
    let whole = || request.uri().path_and_query().map_or_else(String::new, |p| p.as_str().to_string());
    if holds_secrets { path.to_string() } else { whole() }
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && host.len() < 256 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
}

/// The client's own request id when it is short and plain, else a new one.
fn request_id(request: &HttpRequest) -> String {
    let plain =
        |id: &str| !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    let given = request.headers().get("x-request-id").and_then(|v| v.to_str().ok()).filter(|id| plain(id));
    given.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_string)
}

fn response(transport: Transport, body: Body, id: &str) -> HttpResponse {
    let status = StatusCode::from_u16(body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    for (name, value) in headers::defaults(transport) {
        response.insert_header((name, value));
    }
    response.insert_header(("X-Request-Id", id));
    if !body.bytes.is_empty() || body.status != 304 {
        response.insert_header(("Content-Type", body.content_type.as_ref()));
    }
    for (name, value) in body.headers {
        // A value that is not a header value can only come from stored data (a file name): drop the header, keep the answer.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            if name == "set-cookie" {
                response.append_header((name, value));
            } else {
                response.insert_header((name, value));
            }
        }
    }
    match body.file {
        Some(run) if run.is_packed => response.body(PackedStream::new(run)),
        Some(run) => response.body(FileStream::new(run)),
        None => response.body(body.bytes),
    }
}
