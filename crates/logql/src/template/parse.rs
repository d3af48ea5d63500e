//! Template text to tree, with the checks Go makes while parsing.

use std::collections::HashMap;
use std::sync::Arc;

use super::functions::Function;

/// Deepest nesting of blocks and parentheses.
const DEPTH_MAX: usize = 100;
/// Longest template text, in bytes.
const TEXT_BYTES_MAX: usize = 1 << 20;

pub(super) type Block = Vec<Node>;

#[derive(Debug, Clone)]
pub(super) enum Node {
    Text(String),
    Action(Pipeline),
    /// `if` and `else if` branches in order, then `else`.
    If {
        branches: Vec<(Pipeline, Block)>,
        otherwise: Block,
    },
    With {
        branches: Vec<(Pipeline, Block)>,
        otherwise: Block,
    },
    Range {
        pipeline: Pipeline,
        body: Block,
        otherwise: Block,
    },
    Template {
        name: String,
        argument: Option<Pipeline>,
        at: At,
    },
    Break,
    Continue,
}

/// `$x := command | command`.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub(super) declare: Vec<String>,
    /// `=` rather than `:=`.
    pub(super) assign: bool,
    pub(super) commands: Vec<Command>,
    pub(super) at: At,
}

#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) operands: Vec<Operand>,
    pub(super) at: At,
}

#[derive(Debug, Clone)]
pub(super) enum Operand {
    Dot,
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    /// `.a.b`, and where it stands.
    Field(Vec<String>, At),
    /// `$x.a`; `$` is the empty name.
    Variable(String, Vec<String>),
    Function(Function),
    /// `(pipeline).a`
    Group(Box<Pipeline>, Vec<String>),
}

/// Where a piece stands, for error texts.
#[derive(Debug, Clone, Default)]
pub(super) struct At {
    pub(super) line: usize,
    /// Bytes before it on its line.
    pub(super) column: usize,
    pub(super) text: Arc<str>,
}

#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) root: Block,
    pub(super) defines: HashMap<String, Arc<Block>>,
    pub(super) uses: Uses,
}

/// What of an entry a template looks at.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Names that follow a dot: labels, or fields and methods of what functions return.
    pub(super) fields: Vec<String>,
    /// Whether the labels are used as a whole.
    pub(super) all_labels: bool,
    pub(super) line: bool,
}

impl Uses {
    fn of(tokens: &[Placed]) -> Self {
        let mut uses = Self::default();
        for Placed { token, .. } in tokens {
            match token {
                Token::Field(name) if !uses.fields.contains(name) => uses.fields.push(name.clone()),
                Token::Dot | Token::Variable(_) => uses.all_labels = true,
                Token::Word(word) if word == "__line__" => uses.line = true,
                _ => {}
            }
        }
        uses
    }
}

/// Parses a template named `name`. Errors read as Go's: `template: line:1: unexpected EOF`.
pub(super) fn parse(name: &str, text: &str) -> Result<Parsed, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!(
            "template: {name}:1: template of {} bytes is longer than the {TEXT_BYTES_MAX} allowed",
            text.len()
        ));
    }
    let tokens = lex(text).map_err(|(line, message)| format!("template: {name}:{line}: {message}"))?;
    let uses = Uses::of(&tokens);
    let mut parser =
        Parser { text, tokens, next: 0, depth: 0, loops: 0, variables: vec![String::new()], defines: HashMap::new() };
    let parsed = parser.block().and_then(|(root, end)| match end {
        Stop::Eof => Ok(root),
        Stop::End => Err(parser.fail("unexpected {{end}}")),
        Stop::Else(_) => Err(parser.fail("unexpected {{else}}")),
    });
    match parsed {
        Ok(root) => Ok(Parsed { root, defines: parser.defines, uses }),
        Err((line, message)) => Err(format!("template: {name}:{line}: {message}")),
    }
}

type Failure = (usize, String);

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Text(String),
    Open,
    Close,
    /// Identifier or keyword.
    Word(String),
    Field(String),
    Variable(String),
    Str(String),
    Number(String),
    Char(char),
    Dot,
    Space,
    Pipe,
    Declare,
    Assign,
    Comma,
    LeftParen,
    RightParen,
}

struct Placed {
    token: Token,
    start: usize,
    end: usize,
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|b| **b == b'\n').count() + 1
}

fn lex(text: &str) -> Result<Vec<Placed>, Failure> {
    let mut tokens = Vec::new();
    let (mut at, mut trim) = (0, false);
    while at < text.len() {
        let open = text[at..].find("{{").map(|found| at + found);
        let mut literal = &text[at..open.unwrap_or(text.len())];
        if trim {
            literal = literal.trim_start_matches(is_space);
        }
        let Some(open) = open else {
            push_text(&mut tokens, literal, at);
            break;
        };
        let trims_left = text[open + 2..].starts_with('-') && text[open + 3..].starts_with(is_space);
        if trims_left {
            literal = literal.trim_end_matches(is_space);
        }
        push_text(&mut tokens, literal, at);
        let inside = open + if trims_left { 3 } else { 2 };
        let trimmed = text[inside..].trim_start_matches(is_space);
        if trimmed.starts_with("/*") && (trims_left || text[inside..].starts_with("/*")) {
            let comment = text.len() - trimmed.len();
            let close =
                text[comment..].find("*/").ok_or_else(|| (line_of(text, open), "unclosed comment".to_owned()))?;
            let rest = &text[comment + close + 2..];
            let (after, trims) = match rest.strip_prefix("}}") {
                Some(after) => (after, false),
                None => match rest.trim_start_matches(is_space).strip_prefix("-}}") {
                    Some(after) if rest.starts_with(is_space) => (after, true),
                    _ => return Err((line_of(text, open), "comment ends before closing delimiter".to_owned())),
                },
            };
            (at, trim) = (text.len() - after.len(), trims);
            continue;
        }
        tokens.push(Placed { token: Token::Open, start: open, end: inside });
        (at, trim) = lex_action(text, inside, &mut tokens)?;
    }
    Ok(tokens)
}

fn push_text(tokens: &mut Vec<Placed>, literal: &str, at: usize) {
    if !literal.is_empty() {
        tokens.push(Placed { token: Token::Text(literal.to_owned()), start: at, end: at + literal.len() });
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Reads tokens up to the closing delimiter; returns where the text goes on and whether its start is trimmed.
fn lex_action(text: &str, mut at: usize, tokens: &mut Vec<Placed>) -> Result<(usize, bool), Failure> {
    loop {
        let rest = &text[at..];
        let fail = |message: String| (line_of(text, at), message);
        if let Some(after) = rest.strip_prefix("}}") {
            tokens.push(Placed { token: Token::Close, start: at, end: at + 2 });
            return Ok((text.len() - after.len(), false));
        }
        let spaces = rest.len() - rest.trim_start_matches(is_space).len();
        if spaces > 0 && rest[spaces..].starts_with("-}}") {
            tokens.push(Placed { token: Token::Close, start: at, end: at + spaces + 3 });
            return Ok((at + spaces + 3, true));
        }
        let Some(first) = rest.chars().next() else { return Err(fail("unclosed action".to_owned())) };
        let word_length = |from: &str| from.find(|c| !is_word(c)).unwrap_or(from.len());
        let (token, length) = match first {
            _ if spaces > 0 => (Token::Space, spaces),
            '|' => (Token::Pipe, 1),
            ',' => (Token::Comma, 1),
            '(' => (Token::LeftParen, 1),
            ')' => (Token::RightParen, 1),
            ':' if rest.starts_with(":=") => (Token::Declare, 2),
            '=' => (Token::Assign, 1),
            '"' => {
                let length = quoted_length(rest).ok_or_else(|| fail("unterminated quoted string".to_owned()))?;
                let content = unquote(&rest[1..length - 1]).ok_or_else(|| fail("invalid syntax".to_owned()))?;
                (Token::Str(content), length)
            }
            '`' => {
                let close = rest[1..].find('`').ok_or_else(|| fail("unterminated raw quoted string".to_owned()))?;
                (Token::Str(rest[1..=close].to_owned()), close + 2)
            }
            '\'' => {
                let close = quoted_length(rest).ok_or_else(|| fail("unterminated character constant".to_owned()))?;
                let content = unquote(&rest[1..close - 1]).ok_or_else(|| fail("invalid syntax".to_owned()))?;
                let mut chars = content.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => (Token::Char(c), close),
                    _ => return Err(fail(format!("malformed character constant: {}", &rest[..close]))),
                }
            }
            '$' => {
                let length = word_length(&rest[1..]);
                (Token::Variable(rest[1..=length].to_owned()), length + 1)
            }
            '.' if !rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                let length = word_length(&rest[1..]);
                if length == 0 { (Token::Dot, 1) } else { (Token::Field(rest[1..=length].to_owned()), length + 1) }
            }
            c if c.is_ascii_digit() || matches!(c, '+' | '-' | '.') => {
                let mut previous = ' ';
                let length = rest
                    .char_indices()
                    .find(|(i, c)| {
                        let sign = matches!(c, '+' | '-') && (*i == 0 || matches!(previous, 'e' | 'E'));
                        previous = *c;
                        !(sign || is_word(*c) || *c == '.')
                    })
                    .map_or(rest.len(), |(i, _)| i);
                (Token::Number(rest[..length].to_owned()), length)
            }
            c if is_word(c) => {
                let length = word_length(rest);
                (Token::Word(rest[..length].to_owned()), length)
            }
            c => return Err(fail(format!("unexpected {c:?} in command"))),
        };
        tokens.push(Placed { token, start: at, end: at + length });
        at += length;
    }
}

/// Bytes of the quoted text at the start of `rest`, both quotes included.
fn quoted_length(rest: &str) -> Option<usize> {
    let quote = *rest.as_bytes().first()?;
    let mut escaped = false;
    for (at, b) in rest.bytes().enumerate().skip(1) {
        match b {
            b'\n' => return None,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            _ if b == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Resolves Go's escapes.
fn unquote(text: &str) -> Option<String> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = *rest.as_bytes().get(at + 1)?;
        let mut used = 2;
        let mut code = |from: usize, digits: usize, radix: u32| {
            used = from + digits;
            rest.get(at + from..at + from + digits).and_then(|d| u32::from_str_radix(d, radix).ok())
        };
        match escape {
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'\\' | b'\'' | b'"' => out.push(escape),
            b'x' => out.push(u8::try_from(code(2, 2, 16)?).ok()?),
            b'0'..=b'7' => out.push(u8::try_from(code(1, 3, 8)?).ok()?),
            b'u' => out.extend_from_slice(char::from_u32(code(2, 4, 16)?)?.encode_utf8(&mut [0; 4]).as_bytes()),
            b'U' => out.extend_from_slice(char::from_u32(code(2, 8, 16)?)?.encode_utf8(&mut [0; 4]).as_bytes()),
            _ => return None,
        }
        rest = &rest[at + used..];
    }
    out.extend_from_slice(rest.as_bytes());
    Some(String::from_utf8_lossy(&out).into_owned())
}

/// What ended a block.
enum Stop {
    Eof,
    End,
    /// `{{else}}`, with the keyword that continues the chain: `if` or `with`.
    Else(Option<String>),
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
    loops: usize,
    /// Variables in scope; the empty name is `$`.
    variables: Vec<String>,
    defines: HashMap<String, Arc<Block>>,
}

impl Parser<'_> {
    fn fail(&self, message: impl Into<String>) -> Failure {
        let at = self.tokens.get(self.next.saturating_sub(1)).map_or(self.text.len(), |placed| placed.start);
        (line_of(self.text, at), message.into())
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|placed| &placed.token)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += 1;
        token
    }

    fn skip_space(&mut self) {
        while self.peek() == Some(&Token::Space) {
            self.next += 1;
        }
    }

    fn at(&self, first: usize) -> At {
        let start = self.tokens.get(first).map_or(self.text.len(), |placed| placed.start);
        let end = self.tokens.get(self.next.saturating_sub(1)).map_or(start, |placed| placed.end).max(start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |found| found + 1);
        At { line: line_of(self.text, start), column: start - line_start, text: self.text[start..end].trim().into() }
    }

    fn nested<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Failure>) -> Result<T, Failure> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fail(format!("nested deeper than the {DEPTH_MAX} levels allowed")));
        }
        let result = work(self);
        self.depth -= 1;
        result
    }

    /// Nodes up to `{{end}}`, `{{else}}` or the end of the text.
    fn block(&mut self) -> Result<(Block, Stop), Failure> {
        let mut nodes = Vec::new();
        loop {
            match self.take() {
                None => return Ok((nodes, Stop::Eof)),
                Some(Token::Text(text)) => nodes.push(Node::Text(text)),
                Some(Token::Open) => {
                    self.skip_space();
                    let keyword = match self.peek() {
                        Some(Token::Word(word)) => word.clone(),
                        _ => String::new(),
                    };
                    match keyword.as_str() {
                        "end" => {
                            self.next += 1;
                            self.close("end")?;
                            return Ok((nodes, Stop::End));
                        }
                        "else" => {
                            self.next += 1;
                            self.skip_space();
                            if let Some(Token::Word(word)) = self.peek()
                                && (word == "if" || word == "with")
                            {
                                let word = word.clone();
                                self.next += 1;
                                return Ok((nodes, Stop::Else(Some(word))));
                            }
                            self.close("else")?;
                            return Ok((nodes, Stop::Else(None)));
                        }
                        _ => {
                            if let Some(node) = self.nested(|parser| parser.action(&keyword))? {
                                nodes.push(node);
                            }
                        }
                    }
                }
                Some(other) => return Err(self.fail(format!("unexpected {other:?}"))),
            }
        }
    }

    fn close(&mut self, context: &str) -> Result<(), Failure> {
        self.skip_space();
        match self.take() {
            Some(Token::Close) => Ok(()),
            _ => Err(self.fail(format!("unexpected token in {context}"))),
        }
    }

    fn action(&mut self, keyword: &str) -> Result<Option<Node>, Failure> {
        if !matches!(keyword, "if" | "with" | "range" | "template" | "define" | "block" | "break" | "continue") {
            let pipeline = self.pipeline("command")?;
            self.close("command")?;
            return Ok(Some(Node::Action(pipeline)));
        }
        self.next += 1;
        match keyword {
            "if" | "with" => {
                let scope = self.variables.len();
                let (branches, otherwise) = self.branches(keyword)?;
                self.variables.truncate(scope);
                Ok(Some(if keyword == "if" {
                    Node::If { branches, otherwise }
                } else {
                    Node::With { branches, otherwise }
                }))
            }
            "range" => self.range().map(Some),
            "break" | "continue" => {
                self.close(keyword)?;
                if self.loops == 0 {
                    return Err(self.fail(format!("{{{{{keyword}}}}} outside {{{{range}}}}")));
                }
                Ok(Some(if keyword == "break" { Node::Break } else { Node::Continue }))
            }
            "template" => {
                let first = self.next;
                let name = self.template_name("template clause")?;
                self.skip_space();
                let argument =
                    if self.peek() == Some(&Token::Close) { None } else { Some(self.pipeline("template clause")?) };
                let at = self.at(first);
                self.close("template clause")?;
                Ok(Some(Node::Template { name, argument, at }))
            }
            "define" => {
                let name = self.template_name("define clause")?;
                self.close("define clause")?;
                self.define(name, "define")?;
                Ok(None)
            }
            _ => {
                let first = self.next;
                let name = self.template_name("block clause")?;
                let argument = Some(self.pipeline("block clause")?);
                let at = self.at(first);
                self.close("block clause")?;
                self.define(name.clone(), "block")?;
                Ok(Some(Node::Template { name, argument, at }))
            }
        }
    }

    fn template_name(&mut self, context: &str) -> Result<String, Failure> {
        self.skip_space();
        match self.take() {
            Some(Token::Str(name)) => Ok(name),
            _ => Err(self.fail(format!("unexpected token in {context}"))),
        }
    }

    fn define(&mut self, name: String, context: &str) -> Result<(), Failure> {
        let outer = std::mem::replace(&mut self.variables, vec![String::new()]);
        let loops = std::mem::take(&mut self.loops);
        let (body, end) = self.block()?;
        self.variables = outer;
        self.loops = loops;
        match end {
            Stop::End => {
                self.defines.insert(name, Arc::new(body));
                Ok(())
            }
            Stop::Eof => Err(self.fail("unexpected EOF")),
            Stop::Else(_) => Err(self.fail(format!("unexpected {{{{else}}}} in {context} clause"))),
        }
    }

    fn branches(&mut self, keyword: &str) -> Result<(Vec<(Pipeline, Block)>, Block), Failure> {
        let mut branches = Vec::new();
        loop {
            let pipeline = self.pipeline(keyword)?;
            self.close(keyword)?;
            let (body, end) = self.block()?;
            branches.push((pipeline, body));
            match end {
                Stop::Eof => return Err(self.fail("unexpected EOF")),
                Stop::End => return Ok((branches, Vec::new())),
                Stop::Else(Some(next)) if next == keyword => {}
                Stop::Else(Some(next)) => return Err(self.fail(format!("unexpected {next} in else of {keyword}"))),
                Stop::Else(None) => return Ok((branches, self.last_block()?)),
            }
        }
    }

    /// The block after `{{else}}`, which must end the statement.
    fn last_block(&mut self) -> Result<Block, Failure> {
        match self.block()? {
            (body, Stop::End) => Ok(body),
            (_, Stop::Eof) => Err(self.fail("unexpected EOF")),
            (_, Stop::Else(_)) => Err(self.fail("expected end; found {{else}}")),
        }
    }

    fn range(&mut self) -> Result<Node, Failure> {
        let scope = self.variables.len();
        let pipeline = self.pipeline("range")?;
        self.close("range")?;
        self.loops += 1;
        let (body, end) = self.block()?;
        self.loops -= 1;
        let otherwise = match end {
            Stop::End => Vec::new(),
            Stop::Else(None) => self.last_block()?,
            Stop::Else(Some(_)) => return Err(self.fail("unexpected keyword in else of range")),
            Stop::Eof => return Err(self.fail("unexpected EOF")),
        };
        self.variables.truncate(scope);
        Ok(Node::Range { pipeline, body, otherwise })
    }

    fn pipeline(&mut self, context: &str) -> Result<Pipeline, Failure> {
        self.nested(|parser| parser.pipeline_inner(context))
    }

    fn pipeline_inner(&mut self, context: &str) -> Result<Pipeline, Failure> {
        self.skip_space();
        let first = self.next;
        let (declare, assign) = self.declarations(context)?;
        let mut commands = Vec::new();
        loop {
            self.skip_space();
            commands.push(self.command(context, !commands.is_empty())?);
            self.skip_space();
            match self.peek() {
                Some(Token::Pipe) => self.next += 1,
                Some(Token::Close | Token::RightParen) => break,
                None => return Err(self.fail("unclosed action")),
                Some(_) => return Err(self.fail(format!("unexpected token in {context}"))),
            }
        }
        let at = self.at(first);
        if !assign {
            self.variables.extend(declare.iter().cloned());
        }
        Ok(Pipeline { declare, assign, commands, at })
    }

    /// `$x :=`, `$x =`, and in a range `$i, $x :=`.
    fn declarations(&mut self, context: &str) -> Result<(Vec<String>, bool), Failure> {
        let (start, mut names) = (self.next, Vec::new());
        while let Some(Token::Variable(name)) = self.peek().cloned() {
            self.next += 1;
            self.skip_space();
            names.push(name.clone());
            match self.peek() {
                Some(Token::Declare) => {
                    self.next += 1;
                    return Ok((names, false));
                }
                Some(Token::Assign) => {
                    if let Some(unknown) = names.iter().find(|name| !self.variables.contains(name)) {
                        return Err(self.fail(format!("undefined variable \"${unknown}\"")));
                    }
                    self.next += 1;
                    return Ok((names, true));
                }
                Some(Token::Comma) if context == "range" && names.len() < 2 => {
                    self.next += 1;
                    self.skip_space();
                }
                _ => break,
            }
        }
        self.next = start;
        Ok((Vec::new(), false))
    }

    fn command(&mut self, context: &str, piped: bool) -> Result<Command, Failure> {
        let first = self.next;
        let mut operands = Vec::new();
        while let Some(operand) = self.operand()? {
            operands.push(operand);
            if self.peek() != Some(&Token::Space) {
                break;
            }
            self.skip_space();
        }
        let at = self.at(first);
        match operands.first() {
            None => Err(self.fail(format!("missing value for {context}"))),
            Some(Operand::Nil | Operand::Bool(_) | Operand::Int(_) | Operand::Float(_) | Operand::Str(_)) if piped => {
                Err(self.fail(format!("non executable command in pipeline stage {}", 2)))
            }
            Some(_) => Ok(Command { operands, at }),
        }
    }

    fn operand(&mut self) -> Result<Option<Operand>, Failure> {
        let operand = match self.peek().cloned() {
            Some(Token::Dot) => Operand::Dot,
            Some(Token::Word(word)) => match word.as_str() {
                "true" => Operand::Bool(true),
                "false" => Operand::Bool(false),
                "nil" => Operand::Nil,
                _ => {
                    self.next += 1;
                    let function =
                        Function::named(&word).ok_or_else(|| self.fail(format!("function {word:?} not defined")))?;
                    return Ok(Some(self.method_chain(function)));
                }
            },
            Some(Token::Field(_)) => return Ok(Some(self.field())),
            Some(Token::Variable(name)) => {
                self.next += 1;
                if !self.variables.contains(&name) {
                    return Err(self.fail(format!("undefined variable \"${name}\"")));
                }
                return Ok(Some(Operand::Variable(name, self.fields())));
            }
            Some(Token::Str(text)) => Operand::Str(text),
            Some(Token::Char(c)) => Operand::Int(i64::from(u32::from(c))),
            Some(Token::Number(text)) => {
                self.next += 1;
                return number(&text).map(Some).ok_or_else(|| self.fail(format!("bad number syntax: {text:?}")));
            }
            Some(Token::LeftParen) => {
                self.next += 1;
                let pipeline = self.pipeline("parenthesized pipeline")?;
                self.skip_space();
                if self.take() != Some(Token::RightParen) {
                    return Err(self.fail("unclosed left paren"));
                }
                return Ok(Some(Operand::Group(Box::new(pipeline), self.fields())));
            }
            _ => return Ok(None),
        };
        self.next += 1;
        Ok(Some(operand))
    }

    /// `.a.b`; its errors point to the second link, where there is one, as Go's do.
    fn field(&mut self) -> Operand {
        let first = self.next;
        let path = self.fields();
        let mut at = self.at(first);
        if path.len() > 1 {
            at.column = self.at(first + 1).column;
        }
        Operand::Field(path, at)
    }

    /// A function, or the fields and methods of its result: `now.Unix`.
    fn method_chain(&mut self, function: Function) -> Operand {
        let at = self.at(self.next - 1);
        let path = self.fields();
        if path.is_empty() {
            return Operand::Function(function);
        }
        let command = Command { operands: vec![Operand::Function(function)], at: at.clone() };
        Operand::Group(Box::new(Pipeline { declare: Vec::new(), assign: false, commands: vec![command], at }), path)
    }

    /// `.a.b` directly behind an operand.
    fn fields(&mut self) -> Vec<String> {
        let mut path = Vec::new();
        while let Some(Token::Field(name)) = self.peek().cloned() {
            self.next += 1;
            path.push(name);
        }
        path
    }
}

fn number(text: &str) -> Option<Operand> {
    let plain = text.replace('_', "");
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain.as_str()),
    };
    let lower = digits.to_ascii_lowercase();
    let radix = |prefix: &str, radix| lower.strip_prefix(prefix).map(|rest| i64::from_str_radix(rest, radix));
    let magnitude = radix("0x", 16).or_else(|| radix("0b", 2)).or_else(|| radix("0o", 8));
    let magnitude = match magnitude {
        Some(parsed) => Some(parsed.ok()?),
        None => lower.parse::<i64>().ok().filter(|_| lower.bytes().all(|b| b.is_ascii_digit())),
    };
    match magnitude {
        Some(n) => Some(Operand::Int(if negative { -n } else { n })),
        None if lower.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            let x: f64 = lower.parse().ok()?;
            Some(Operand::Float(if negative { -x } else { x }))
        }
        None => None,
    }
}
